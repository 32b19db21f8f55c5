// What a case of the corpus imports: conditions, a trace, a client of flags, and as much of React and of a test runner
// as the cases use. `state` is set by driver.cjs before each run.
const state = { given: {}, flag: '', value: undefined, variant: '', trace: [] };

const camel = (key) => key.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
const answer = (key) => (key === state.flag ? state.value : Boolean(state.given[key]));
const details = (key) => ({ value: answer(key), variant: key === state.flag ? state.variant : 'other', reason: 'STATIC' });
const later = (key) => Promise.resolve(answer(key));

const flags = {
  isEnabled: answer,
  boolVariation: answer,
  stringVariation: answer,
  numberVariation: answer,
  getBooleanValue: later,
  getStringValue: later,
  getBooleanDetails: (key) => Promise.resolve(details(key)),
};

const keys = () => [state.flag, ...Object.keys(state.given)];
const all = () => Object.fromEntries(keys().map((key) => [camel(key), answer(key)]));

const Fragment = Symbol('Fragment');

// An element as plain values: components are called, what renders as nothing is left out, texts side by side are one.
function render(node) {
  if (node === null || node === undefined || typeof node === 'boolean') return [];
  if (Array.isArray(node)) return joined(node.flatMap(render));
  if (typeof node !== 'object') return [String(node)];
  const { type, props } = node;
  if (type === Fragment) return render(props.children);
  if (typeof type === 'function') return render(type(props));
  const { children, ...rest } = props;
  const told = Object.entries(rest).filter(([, value]) => value !== undefined && typeof value !== 'function');
  return [{ [type]: Object.fromEntries(told.sort()), children: render(children) }];
}

function joined(nodes) {
  return nodes.reduce((done, node) => {
    const last = done[done.length - 1];
    return typeof node === 'string' && typeof last === 'string' ? [...done.slice(0, -1), last + node] : [...done, node];
  }, []);
}

const element = (type, props) => ({ type, props });
const shown = (what) => (typeof what === 'function' ? what() : what);

module.exports = {
  state,
  cond: (name) => Boolean(state.given[name]),
  trace: (text) => void state.trace.push(text),
  flags,
  useFlag: answer,
  useFlags: all,
  useBooleanFlagDetails: details,
  Fragment,
  element,
  render,
  useMemo: (make) => make(),
  useCallback: (callback) => callback,
  useEffect: (effect) => void effect(),
  useState: (value) => [value, () => undefined],
  lazy: () => () => 'loading',
  Suspense: ({ children }) => children,
  ConditionallyRender: ({ condition, show, elseShow }) => (condition ? shown(show) : (shown(elseShow) ?? null)),
  Feature: ({ name, children, fallback }) => (answer(name) ? children : (fallback ?? null)),
  describe: () => undefined,
  it: () => undefined,
  beforeEach: () => undefined,
  expect: () => ({ toBe: () => undefined, toEqual: () => undefined }),
  when: () => ({ thenReturn: () => undefined }),
};
