const { Fragment, element } = require('./index.js');

module.exports = { Fragment, jsx: element, jsxs: element };
