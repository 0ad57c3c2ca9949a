// SillyTavern's macro engine, started without a browser.

import { createRequire, register } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** A value that can be called, looked into, constructed and printed, and does nothing. */
function inert(name) {
    return new Proxy(function () {}, {
        get: (_, key) => {
            if (key === Symbol.toPrimitive) return () => name;
            if (key === Symbol.iterator) return function* () {};
            if (key === 'then') return undefined;
            return inert(`${name}.${String(key)}`);
        },
        apply: () => inert(`${name}()`),
        construct: () => inert(`new ${name}`),
    });
}

/** The settings that macros read. */
export const settings = {
    experimental_macro_engine: true,
    collapse_newlines: false,
    prefer_character_prompt: true,
    prefer_character_jailbreak: true,
    persona_description: '',
    instruct: { enabled: false },
    sysprompt: { enabled: false, content: '' },
    context: { example_separator: '', chat_start: '' },
};

/** Variables that belong to the user. */
export const extensions = { variables: { global: {} } };

/**
 * Starts the engine from the installed package at `root`; the time zone is taken from the environment.
 * @returns {Promise<{expand: (text: string, context: object) => {text: string, locals: object, globals: object}}>}
 */
export async function start(root) {
    const known = { power_user: settings, extension_settings: extensions, selected_group: null, groups: [], isMobile: () => false };
    globalThis.standIn = name => (name in known ? known[name] : inert(name));
    for (const name of ['document', 'window', '$', 'jQuery', 'toastr', 'localStorage']) globalThis[name] ??= inert(name);
    register('./hooks.mjs', import.meta.url, { data: { root } });
    const scripts = path.join(root, 'public/scripts');
    const load = file => import(pathToFileURL(path.join(scripts, file)).href);
    const quiet = { ...console };
    for (const level of ['warn', 'error', 'log', 'debug', 'info']) console[level] = () => {};

    const variables = await load('variables.js');
    const api = kind => ({
        get: variables[`get${kind}Variable`],
        set: variables[`set${kind}Variable`],
        del: variables[`delete${kind}Variable`],
        add: variables[`add${kind}Variable`],
        inc: variables[`increment${kind}Variable`],
        dec: variables[`decrement${kind}Variable`],
        has: variables[`exists${kind}Variable`],
    });
    globalThis.SillyTavern = { getContext: () => ({ variables: { local: api('Local'), global: api('Global') } }) };
    const { initRegisterMacros } = await load('macros/macro-system.js');
    // The page's own module, as the engine's modules see it.
    const page = await import(`${pathToFileURL(path.join(root, 'public/script.js')).href}?part`);
    initRegisterMacros();
    const moment = createRequire(path.join(root, 'package.json'))('moment');
    const { inject_ids: ids } = await load('constants.js');

    function expand(text, context) {
        const clock = context.clock ?? {};
        moment.now = () => clock.milliseconds ?? 0;
        settings.persona_description = context.persona ?? '';
        settings.context.example_separator = context.values?.exampleSeparator ?? '';
        extensions.variables.global = { ...context.globals };
        const metadata = { variables: { ...context.locals }, main_chat: context.chat ?? '' };
        if (context.reroll != null) metadata.pick_reroll_seed = context.reroll;
        page.setState({
            name1: context.user ?? '',
            name2: context.char ?? '',
            this_chid: 0,
            characters: [{
                name: context.char ?? '',
                description: context.description,
                personality: context.personality,
                scenario: context.scenario,
                mes_example: context.examples,
                first_mes: context.greeting,
                data: {
                    system_prompt: context.system_prompt,
                    post_history_instructions: context.post_history,
                    creator_notes: context.creator_notes,
                    character_version: context.version,
                    alternate_greetings: context.alternate_greetings,
                    extensions: { depth_prompt: { prompt: context.depth_prompt } },
                },
            }],
            chat: (context.messages ?? []).map(message => ({ is_user: message.role === 'user', mes: message.text })),
            chat_metadata: metadata,
            extension_prompts: Object.fromEntries(Object.entries(context.outlets ?? {})
                .map(([key, value]) => [ids.CUSTOM_WI_OUTLET(key), { value }])),
            model: context.model ?? '',
        });
        const options = { dynamicMacros: context.values ?? {} };
        if (context.original != null) options.original = context.original;
        if (context.group?.length) options.groupOverride = context.group.join(', ');
        const result = page.substituteParams(text, options);
        const plain = values => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
        return { text: result, locals: plain(metadata.variables), globals: plain(extensions.variables.global) };
    }
    return { expand, say: quiet };
}
