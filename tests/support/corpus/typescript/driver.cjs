// Compiles all trees of the corpus as one program and runs each: node driver.cjs <jobs.json> <results.json>.
// A tree with errors fails alone. What is unused counts where it is not unused in the tree before the clean-up as well.
const fs = require('node:fs');
const path = require('node:path');
const ts = require('typescript');

const [asked, told] = process.argv.slice(2);
const { folder, language, jobs } = JSON.parse(fs.readFileSync(asked, 'utf8'));
const SOURCE = /\.(?:[cm]?[jt]s|[jt]sx)$/;
const UNUSED = new Set([6133, 6138, 6192, 6196, 6198, 6199, 6205]);
// Of plain JavaScript only names count: those that are unknown, and those that are declared twice.
const NAMES = new Set([2300, 2304, 2440, 2451, 2552]);
const OPTIONS = {
  allowJs: true,
  checkJs: language === 'javascript',
  esModuleInterop: true,
  jsx: ts.JsxEmit.ReactJSX,
  jsxImportSource: 'stub',
  lib: ['lib.es2022.d.ts'],
  module: ts.ModuleKind.CommonJS,
  moduleDetection: ts.ModuleDetectionKind.Force,
  moduleResolution: ts.ModuleResolutionKind.Node10,
  noEmit: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  strict: language === 'typescript',
  target: ts.ScriptTarget.ES2022,
  types: [],
};

const files = jobs.flatMap((job) => sources(path.join(folder, job.name)));

function sources(root) {
  return fs
    .readdirSync(root, { recursive: true })
    .map((name) => path.join(root, name))
    .filter((name) => SOURCE.test(name));
}

function diagnostics() {
  const program = ts.createProgram(files, OPTIONS);
  const found = new Map(jobs.map((job) => [job.name, []]));
  for (const each of [...program.getSyntacticDiagnostics(), ...program.getSemanticDiagnostics()]) {
    const [name, ...rest] = path.relative(folder, each.file.fileName).split(path.sep);
    const text = `${rest.join('/')}: ${ts.flattenDiagnosticMessageText(each.messageText, ' ')}`;
    found.get(name)?.push({ code: each.code, text });
  }
  return found;
}

function failure(job, found) {
  const before = new Set((found.get(job.name.replace(/^after_/, 'before_')) ?? []).map((each) => each.text));
  const wrong = found.get(job.name).filter((each) => {
    const known = job.name.startsWith('after_') && before.has(each.text);
    if (UNUSED.has(each.code)) return job.name.startsWith('after_') && !known;
    return language === 'typescript' || each.code < 2000 || (NAMES.has(each.code) && !known);
  });
  return wrong.map((each) => `TS${each.code} ${each.text}`).join('\n');
}

function emitted(job) {
  const root = path.join(folder, job.name);
  const target = path.join(folder, 'run', job.name);
  for (const file of sources(root)) {
    const output = ts.transpileModule(fs.readFileSync(file, 'utf8'), { compilerOptions: OPTIONS, fileName: file.replace(/\.mjs$/, '.js') });
    const place = path.join(target, path.relative(root, file)).replace(SOURCE, '.js');
    fs.mkdirSync(path.dirname(place), { recursive: true });
    fs.writeFileSync(place, output.outputText.replace(/(require\(["'][^"']+)\.[cm]js/g, '$1.js'));
  }
  return path.join(target, 'main.js');
}

async function outcome(job, main, given) {
  const { state } = require(path.join(folder, 'node_modules', 'stub'));
  for (const loaded of Object.keys(require.cache)) {
    if (loaded.startsWith(path.join(folder, 'run'))) delete require.cache[loaded];
  }
  Object.assign(state, { given, flag: job.flag, value: job.value, variant: job.variant, trace: [] });
  try {
    const result = await require(main).subject();
    return JSON.stringify({ result: result === undefined ? null : result, trace: state.trace });
  } catch (error) {
    return JSON.stringify({ error: error.constructor.name, trace: state.trace });
  }
}

async function run() {
  const found = diagnostics();
  const results = {};
  for (const job of jobs) {
    const wrong = failure(job, found);
    if (wrong) {
      results[job.name] = { failure: wrong };
      continue;
    }
    const main = emitted(job);
    const outcomes = [];
    for (const given of job.assignments) outcomes.push(await outcome(job, main, given));
    results[job.name] = { outcomes };
  }
  fs.writeFileSync(told, JSON.stringify(results));
}

run();
