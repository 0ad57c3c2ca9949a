// Loads parts of SillyTavern's browser code in Node.
//
// The modules named in `whole` are loaded as they are. `script.js` is far too large to run without a page: of it,
// only the functions named in `functions` are taken, by their syntax tree, and put beside a small state that the
// comparison sets. `lib.js` becomes the npm packages it bundles. Every other import becomes an inert stand-in.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

let root;
let acorn;

const whole = [/\/scripts\/macros\//, /\/scripts\/variables\.js$/, /\/scripts\/utils\.js$/, /\/scripts\/constants\.js$/];
const functions = ['substituteParams', 'baseChatReplace', 'getCharacterCardFieldsLazy', 'createLazyFields', 'parseMesExamples'];

export async function initialize(data) {
    root = data.root;
    acorn = createRequire(path.join(root, 'package.json'))('acorn');
}

export async function resolve(specifier, context, next) {
    const parent = context.parentURL ?? '';
    const inside = parent.startsWith(pathToFileURL(path.join(root, 'public')).href);
    if (!inside) return next(specifier, context);
    const [bare] = parent.split('?');
    const url = specifier.startsWith('/')
        ? pathToFileURL(path.join(root, 'public', specifier)).href
        : specifier.startsWith('.') ? new URL(specifier, bare).href : null;
    // Packages that are imported by name are looked up beside SillyTavern.
    if (!url) return next(specifier, { ...context, parentURL: pathToFileURL(path.join(root, 'package.json')).href });
    if (/\/public\/script\.js$/.test(url)) return { url: url + '?part', format: 'module', shortCircuit: true };
    if (/\/public\/lib\.js$/.test(url)) return { url: url + '?packages', format: 'module', shortCircuit: true };
    if (whole.some(pattern => pattern.test(url))) return { url, format: 'module', shortCircuit: true };
    return { url: `${url}?inert&for=${encodeURIComponent(bare)}`, format: 'module', shortCircuit: true };
}

export async function load(url, context, next) {
    const [bare, query] = url.split('?');
    const module = source => ({ format: 'module', source, shortCircuit: true });
    if (query === 'part') return module(part(fileURLToPath(bare)));
    if (query === 'packages') return module(packages());
    if (query?.startsWith('inert')) {
        const importer = fileURLToPath(decodeURIComponent(query.slice(query.indexOf('for=') + 4)));
        return module(inert(bare, importer));
    }
    if (bare.startsWith(pathToFileURL(path.join(root, 'public')).href)) return module(readFileSync(fileURLToPath(bare), 'utf8'));
    return next(url, context);
}

/** The names `file` imports from `url`, as exports that do nothing, or as what the comparison sets. */
function inert(url, file) {
    const names = new Set();
    const tree = acorn.parse(readFileSync(file, 'utf8'), { ecmaVersion: 'latest', sourceType: 'module' });
    for (const node of tree.body.filter(node => node.source && node.specifiers)) {
        const specifier = node.source.value;
        const target = specifier.startsWith('/')
            ? pathToFileURL(path.join(root, 'public', specifier)).href
            : new URL(specifier, pathToFileURL(file)).href;
        if (target !== url) continue;
        for (const one of node.specifiers) names.add(one.imported?.name ?? one.local.name);
    }
    return [...names].map(name => `export const ${name} = globalThis.standIn(${JSON.stringify(name)});`).join('\n');
}

/** `lib.js` as the packages it would bundle. */
function packages() {
    const near = JSON.stringify(path.join(root, 'package.json'));
    return `
        import { createRequire } from 'node:module';
        import { pathToFileURL } from 'node:url';
        const require = createRequire(${near});
        export const moment = require('moment');
        export const seedrandom = require('seedrandom');
        export const droll = require('droll');
        export const Handlebars = require('handlebars');
        export const chevrotain = await import(pathToFileURL(require.resolve('chevrotain')).href);
        ${['Fuse', 'DOMPurify', 'hljs', 'localforage', 'css', 'Bowser', 'DiffMatchPatch', 'SVGInject', 'showdown', 'slideToggle', 'chalk', 'yaml', 'Readability', 'isProbablyReaderable', 'initLibraryShims', 'lodash', 'Popper', 'morphdom']
        .map(name => `export const ${name} = globalThis.standIn(${JSON.stringify(name)});`).join('\n')}
    `;
}

/** The state that macros look at, and the functions of `script.js` they go through. */
function part(file) {
    const source = readFileSync(file, 'utf8');
    const tree = acorn.parse(source, { ecmaVersion: 'latest', sourceType: 'module' });
    const taken = [];
    for (const node of tree.body) {
        const declaration = node.declaration ?? node;
        if (declaration.type === 'FunctionDeclaration' && functions.includes(declaration.id.name)) {
            taken.push(`export ${source.slice(declaration.start, declaration.end)}`);
        }
    }
    // Whatever SillyTavern's macros import from script.js besides: stand-ins.
    const own = ['name1', 'name2', 'characters', 'this_chid', 'chat', 'chat_metadata', 'main_api', 'extension_prompts', 'getGeneratingModel', 'getCurrentChatId', 'saveSettingsDebounced', ...functions];
    const names = new Set();
    for (const importer of globalImports()) names.add(importer);
    for (const name of own) names.delete(name);
    return `
        import { MacroEngine } from './scripts/macros/engine/MacroEngine.js';
        import { MacroEnvBuilder } from './scripts/macros/engine/MacroEnvBuilder.js';
        import { power_user } from './scripts/power-user.js';
        export let name1 = '', name2 = '', characters = [], this_chid = 0, chat = [], chat_metadata = {}, main_api = 'textgenerationwebui';
        export let extension_prompts = {};
        let model = '';
        const selected_group = null;
        const getGroupCharacterCardsLazy = () => null;
        const collapseNewlines = text => text.replaceAll(/\\n+/g, '\\n');
        const substituteParamsLegacy = () => { throw new Error('the old macro engine was asked'); };
        export const getGeneratingModel = () => model;
        export const getCurrentChatId = () => chat_metadata.main_chat;
        export const saveSettingsDebounced = () => {};
        export function setState(state) {
            ({ name1, name2, characters, this_chid, chat, chat_metadata, extension_prompts, model } = state);
        }
        ${[...names].map(name => `export const ${name} = globalThis.standIn(${JSON.stringify(name)});`).join('\n')}
        ${taken.join('\n\n')}
    `;
}

/** Every name that a module which is loaded whole imports from `script.js`. */
function* globalImports() {
    const scripts = path.join(root, 'public/scripts');
    const files = ['variables.js', 'utils.js', 'constants.js',
        ...['MacroEngine', 'MacroEnvBuilder', 'MacroRegistry', 'MacroDiagnostics', 'MacroCstWalker', 'MacroParser', 'MacroLexer'].map(name => `macros/engine/${name}.js`),
        ...['core', 'env', 'state', 'chat', 'time', 'variable', 'instruct'].map(name => `macros/definitions/${name}-macros.js`)];
    for (const file of files.map(name => path.join(scripts, name))) {
        const tree = acorn.parse(readFileSync(file, 'utf8'), { ecmaVersion: 'latest', sourceType: 'module' });
        for (const node of tree.body) {
            if (node.type !== 'ImportDeclaration' || !/(^|\/)script\.js$/.test(node.source.value)) continue;
            for (const one of node.specifiers) yield one.imported?.name ?? one.local.name;
        }
    }
}
