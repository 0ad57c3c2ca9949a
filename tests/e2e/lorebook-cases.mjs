// What both activate: entries, a chat, settings. `differs` says why the two are meant to part.

/** An entry of a world info file: its title, and what it has besides SillyTavern's defaults. */
const e = (comment, fields) => ({ comment, content: `Text of ${comment}.`, ...fields });

/** The same with one key, `lamp`, which every chat below mentions last. */
const lamp = (comment, fields = {}) => e(comment, { key: ['lamp'], ...fields });

/** An entry of a card's own book. */
const own = (comment, fields = {}) => ({ comment, content: `Text of ${comment}.`, keys: ['lamp'], enabled: true, insertion_order: 100, extensions: {}, ...fields });

/** What SillyTavern writes into the extensions of an entry when it exports a card. */
const exported = fields => ({
    position: 0, exclude_recursion: false, display_index: 0, probability: 100, useProbability: true, depth: 4, selectiveLogic: 0, outlet_name: '',
    group: '', group_override: false, group_weight: 100, prevent_recursion: false, delay_until_recursion: false, scan_depth: null,
    match_whole_words: null, use_group_scoring: false, case_sensitive: null, automation_id: '', role: 0, vectorized: false, sticky: null,
    cooldown: null, delay: null, triggers: [], ignore_budget: false, ...fields,
});

const LAST = 'She lit the lamp.';
const LONG = ['The first thing was a gull.', 'Then came a boat.', 'A third sail rose.', 'The fourth wave broke.', 'Nobody spoke.', LAST];

const keys = [
    ['a key in the last message', [lamp('a')]],
    ['a key that nobody mentions', [e('a', { key: ['harp'] })]],
    ['one of several keys', [e('a', { key: ['harp', 'lamp'] })]],
    ['case does not matter', [e('a', { key: ['LAMP'] }), e('b', { key: ['Lit'] })]],
    ['case matters to all', [e('a', { key: ['LAMP'] }), lamp('b')], { set: { world_info_case_sensitive: true } }],
    ['case matters to an entry', [e('a', { key: ['LAMP'], caseSensitive: true }), e('b', { key: ['LAMP'], caseSensitive: false })]],
    ['case matters to all but one', [e('a', { key: ['LAMP'] }), e('b', { key: ['LAMP'], caseSensitive: false })], { set: { world_info_case_sensitive: true } }],
    ['whole words', [e('a', { key: ['lam'] }), e('b', { key: ['amp'] }), lamp('c')]],
    ['parts of words', [e('a', { key: ['lam'] }), e('b', { key: ['amp'] })], { set: { world_info_match_whole_words: false } }],
    ['whole words for an entry', [e('a', { key: ['lam'], matchWholeWords: true }), e('b', { key: ['lam'] })], { set: { world_info_match_whole_words: false } }],
    ['parts of words for an entry', [e('a', { key: ['lam'], matchWholeWords: false }), e('b', { key: ['lam'] })]],
    ['keys of several words', [e('a', { key: ['the lam'] }), e('b', { key: ['lit the lamp'] }), e('c', { key: ['lit  the'] })]],
    ['keys with signs', [e('a', { key: ['c++'] }), e('b', { key: ["o'hara"] }), e('c', { key: ['(x)'] }), e('d', { key: ['.*'] })], { chat: ['x', 'y', "C++ and O'Hara's (x)"] }],
    ['a word that overlaps with none', [e('a', { key: ['a-a'] }), e('b', { key: ['x-x'] })], { chat: ['xa-a-a x-xx-x'] }],
    ['words beyond ASCII', [e('a', { key: ['鈴'] }), e('b', { key: ['caf'] }), e('c', { key: ['Ärger'] }), e('d', { key: ['ΣΊΣΥΦΟΣ'] })], { chat: ['鈴木, café, ÄRGER, σίσυφος'] }],
    ['underscores and digits', [e('a', { key: ['lamp'] }), e('b', { key: ['7'] }), e('c', { key: ['2'] })], { chat: ['lamp_2 is 17 or 7'] }],
    ['blanks around a key', [e('a', { key: ['  lamp '] })]],
    ['an empty key', [e('a', { key: [''] }), e('b', { key: ['', 'lamp'] })]],
    ['no keys', [e('a', { key: [] })]],
    ['names as keys', [e('a', { key: ['{{user}}'] }), e('b', { key: ['{{char}}'] }), e('c', { key: ['Mina lit'] })], { chat: ['x', '{{user}} is no name here', 'Mina lit a lamp'] }],
    ['names before messages', [e('a', { key: ['Mina'] }), e('b', { key: ['Ilse'] })]],
    ['no names before messages', [e('a', { key: ['Mina'] }), e('b', { key: ['Ilse'] }), lamp('c')], { set: { world_info_include_names: false } }],
    ['a key of blanks', [e('a', { key: ['  '] })], { differs: 'a key of blanks matches everything there and nothing here: nobody writes one on purpose' }],
];

const expressions = [
    ['regular expressions', [e('a', { key: ['/lamps?/'] }), e('b', { key: ['/LAMP/'] }), e('c', { key: ['/LAMP/i'] }), e('d', { key: ['/^She/'] }), e('e', { key: ['/l(?:i|a)./'] })]],
    ['they are not bound to words or settings', [e('a', { key: ['/am/'], matchWholeWords: true }), e('b', { key: ['/LAMP/'], caseSensitive: false })], { set: { world_info_case_sensitive: true } }],
    ['over lines and messages', [e('a', { key: ['/gull[^]*lamp/'] }), e('b', { key: ['/lamp[^]*gull/'] }), e('c', { key: ['/lamp.*gull/'] }), e('d', { key: ['/lamp.*gull/s'] }), e('e', { key: ['/^gull$/m'] }), e('f', { key: ['/^gull$/'] })], { chat: ['a\ngull\nb', 'lamp'] }],
    ['the beginning of a message', [e('a', { key: ['/\\x01Mina:/'] }), e('b', { key: ['/\\x01Ilse: She/'] }), e('c', { key: ['/\\x01the/'] })]],
    ['look-around', [e('a', { key: ['/(?<!the )lamp/'] }), e('b', { key: ['/(?<=the )lamp/'] }), e('c', { key: ['/lit(?! the)/'] }), e('d', { key: ['/(?=.*lamp)lit/'] })]],
    ['back references', [e('a', { key: ['/(\\w)\\1/'] }), e('b', { key: ['/(?<x>l)\\w+ \\w+ \\k<x>/'] })], { chat: ['litt the lamp'] }],
    ['words of ASCII', [e('a', { key: ['/caf\\b/'] }), e('b', { key: ['/\\bcaf\\w/'] }), e('c', { key: ['/\\d/'] }), e('d', { key: ['/caf\\B/'] })], { chat: ['café ٣'] }],
    ['slashes inside', [e('a', { key: ['/a\\/b/'] }), e('b', { key: ['/a/b/'] }), e('c', { key: ['/a\\/b\\/c/'] })], { chat: ['a/b/c and /a/b/ too'] }],
    ['what is none is text', [e('a', { key: ['/(lamp/'] }), e('b', { key: ['/lamp/gg'] }), e('c', { key: ['/lamp/x'] }), e('d', { key: ['//'] })], { chat: ['say /(lamp/ or /lamp/gg or /lamp/x'] }],
    ['flags', [e('a', { key: ['/lamp/y'] }), e('b', { key: ['/lamp/g'] }), e('c', { key: ['/\\u{1F98A}/u'] }), e('d', { key: ['/\\u{1F98A}/'] }), e('e', { key: ['/\\u0041/'] })], { chat: ['A lamp 🦊'] }],
    ['escapes that mean nothing', [e('a', { key: ['/\\l\\a\\m\\p/'] }), e('b', { key: ["/She\\'s/"] }), e('c', { key: ['/\\<b\\>/'] })], { chat: ["She's lamp <b>"] }],
    ['classes', [e('a', { key: ['/[[]x]/'] }), e('b', { key: ['/[&&~~]/'] }), e('c', { key: ['/[\\d-]7/'] }), e('d', { key: ['/[^\\w\\s]/'] })], { chat: ['[x] & -7'] }],
];

const logic = (selectiveLogic, fields) => lamp(`logic ${selectiveLogic}`, { selective: true, selectiveLogic, keysecondary: ['oil', 'wick'], ...fields });
const logics = fields => [0, 1, 2, 3].map(number => logic(number, fields));
const secondary = [
    ['secondary keys: none is mentioned', logics(), { chat: ['lamp'] }],
    ['secondary keys: one is mentioned', logics(), { chat: ['lamp, oil'] }],
    ['secondary keys: all are mentioned', logics(), { chat: ['lamp, oil, wick'] }],
    ['secondary keys without the first', logics(), { chat: ['oil, wick'] }],
    ['secondary keys that are regular expressions', logics({ keysecondary: ['/OIL/i', '/wick/'] }), { chat: ['lamp, oil'] }],
    ['an empty secondary key', logics({ keysecondary: ['oil', ''] }), { chat: ['lamp, oil'] }],
    ['secondary keys with names', logics({ keysecondary: ['{{user}}', '{{char}}'] }), { chat: ['x', 'lamp'] }],
    ['secondary keys that are not in use', logics({ selective: false }), { chat: ['lamp'] }],
    ['secondary keys by case and parts of words', logics({ caseSensitive: true, matchWholeWords: false, keysecondary: ['OI', 'wic'] }), { chat: ['lamp, oil, wicks'] }],
];

const states = [
    ['constant', [e('a', { key: [], constant: true }), e('b', { key: ['harp'], constant: true })]],
    ['switched off', [lamp('a', { disable: true }), e('b', { key: [], constant: true, disable: true })]],
    ['chance 0 and 100', [lamp('a', { probability: 0 }), lamp('b', { probability: 100 }), lamp('c', { probability: 0, useProbability: false }), e('d', { key: [], constant: true, probability: 0 })]],
    ['chance that went against an entry does not spread', [lamp('a', { probability: 0, content: 'oil' }), e('b', { key: ['oil'] })]],
    ['vectorised entries with keys', [lamp('a', { vectorized: true }), e('b', { key: [], vectorized: true })]],
];

const chain = [lamp('a', { content: 'oil' }), e('b', { key: ['oil'], content: 'wick' }), e('c', { key: ['wick'], content: 'flame' }), e('d', { key: ['flame'] })];
const recursion = [
    ['entries bring in others', chain],
    ['entries bring in no others', chain, { set: { world_info_recursive: false } }],
    ...[1, 2, 3].map(steps => [`at most ${steps} rounds`, chain, { set: { world_info_max_recursion_steps: steps } }]),
    ['an entry that others do not bring in', [chain[0], { ...chain[1], excludeRecursion: true }, chain[2]]],
    ['an entry that brings in no others', [chain[0], { ...chain[1], preventRecursion: true }, chain[2]]],
    ['excluded from recursion, and in the chat', [lamp('a', { content: 'oil' }), e('b', { key: ['lit'], excludeRecursion: true })]],
    ['only through others', [lamp('a', { content: 'oil' }), lamp('b', { delayUntilRecursion: true }), e('c', { key: ['oil'], delayUntilRecursion: true })]],
    ['only through others, which are not there', [lamp('b', { delayUntilRecursion: true }), e('c', { key: ['oil'], delayUntilRecursion: 1 })]],
    ['only through others, without recursion', [lamp('a', { content: 'oil' }), lamp('b', { delayUntilRecursion: true }), e('c', { key: ['oil'], delayUntilRecursion: true })], { set: { world_info_recursive: false } }],
    ['one level after the other', [lamp('a', { content: 'oil' }), lamp('b', { delayUntilRecursion: 1, content: 'wick' }), lamp('c', { delayUntilRecursion: 3, content: 'x' }), e('d', { key: ['wick'], delayUntilRecursion: 2, content: 'flame' }), e('f', { key: ['flame'], delayUntilRecursion: 5 })]],
    ['levels and a most of rounds', [lamp('a', { content: 'oil' }), lamp('b', { delayUntilRecursion: 1 }), lamp('c', { delayUntilRecursion: 2 }), lamp('d', { delayUntilRecursion: 3 })], { set: { world_info_max_recursion_steps: 3 } }],
    ['only through others and excluded from them', [lamp('a', { content: 'oil' }), lamp('b', { delayUntilRecursion: true, excludeRecursion: true })]],
    ['constant, but only through others', [lamp('a'), e('b', { key: [], constant: true, delayUntilRecursion: true })]],
    ['what searches nothing finds nothing', [lamp('a', { content: 'oil' }), e('b', { key: ['oil'], scanDepth: 0 })]],
    ['secondary keys in the text of others', [lamp('a', { content: 'oil' }), e('b', { key: ['lit'], keysecondary: ['oil'], selectiveLogic: 0 }), e('c', { key: ['lit'], keysecondary: ['oil'], selectiveLogic: 2 })]],
];

const gulls = [e('gull', { key: ['gull'] }), e('boat', { key: ['boat'] }), e('sail', { key: ['sail'] }), e('wave', { key: ['wave'] }), lamp('lamp')];
const depth = [
    ...[0, 1, 2, 5, 50].map(world_info_depth => [`the last ${world_info_depth} messages`, gulls, { chat: LONG, set: { world_info_depth } }]),
    ['how far entries search themselves', gulls.map((entry, at) => ({ ...entry, scanDepth: [6, 4, 4, 3, 0][at] })), { chat: LONG }],
    ...[1, 2, 3, 5].map(min => [`at least ${min} entries`, gulls, { chat: LONG, set: { world_info_min_activations: min } }]),
    ['at least more entries than there are', gulls, { chat: LONG, set: { world_info_min_activations: 9 } }],
    ...[1, 2, 3, 4].map(max => [`at least 9 entries within ${max} messages`, gulls, { chat: LONG, set: { world_info_min_activations: 9, world_info_min_activations_depth_max: max } }]),
    ['at least 3 entries, some constant', [...gulls, e('c', { key: [], constant: true }), e('d', { key: [], constant: true })], { chat: LONG, set: { world_info_min_activations: 3 } }],
    ['at least 3 entries, some through others', [...gulls.slice(0, 4), lamp('lamp', { content: 'oil' }), e('oil', { key: ['oil'] })], { chat: LONG, set: { world_info_min_activations: 3 } }],
    ['at least 3 entries, the text of others beside one message more', [...gulls.slice(0, 3), e('wave', { key: ['wave'] }), lamp('lamp', { content: 'oil' }), e('both', { key: ['wave'], keysecondary: ['oil'] })], { chat: LONG, set: { world_info_min_activations: 3 } }],
    ['at least 2 entries, and what others do not bring in', [e('sail', { key: ['sail'], excludeRecursion: true }), lamp('lamp', { content: 'oil' })], { chat: LONG, set: { world_info_min_activations: 2 } }],
    ['at least 2 entries, with what waits for others', [e('sail', { key: ['sail'], delayUntilRecursion: 1 }), e('gull', { key: ['gull'] }), lamp('lamp')], { chat: LONG, set: { world_info_min_activations: 2 } }],
    ['at least 3 entries in at most 2 rounds', gulls, { chat: LONG, set: { world_info_min_activations: 3, world_info_max_recursion_steps: 2 } }],
    ['at least 3 entries without recursion', [...gulls.slice(0, 4), lamp('lamp', { content: 'gull' })], { chat: LONG, set: { world_info_min_activations: 3, world_info_recursive: false } }],
    ['at least 2 entries, one of which searches by itself', [e('gull', { key: ['gull'], scanDepth: 1 }), e('boat', { key: ['boat'] }), lamp('lamp')], { chat: LONG, set: { world_info_min_activations: 2 } }],
];

const words = (comment, count, fields) => lamp(comment, { content: Array.from({ length: count }, (_, at) => `word${at}`).join(' '), ...fields });
const six = [1, 2, 3, 4, 5, 6].map(at => words(`w${at}`, 8, { order: 10 * at }));
const budget = [
    ...[4, 8, 12, 25].map(world_info_budget => [`${world_info_budget} percent of the context`, six, { room: 1000, set: { world_info_budget } }]),
    ['a share that is capped', six, { room: 1000, set: { world_info_budget: 25, world_info_budget_cap: 70 } }],
    ['a cap above the share', six, { room: 1000, set: { world_info_budget: 5, world_info_budget_cap: 700 } }],
    ['entries that ignore the budget', six.map((entry, at) => ({ ...entry, ignoreBudget: at % 2 === 0 })), { room: 1000, set: { world_info_budget: 8 } }],
    ['an entry that is too long stops those after it', [words('long', 80, { order: 90 }), ...six], { room: 1000, set: { world_info_budget: 10 } }],
    ['the budget and recursion', [words('a', 8, { order: 50, content: 'oil '.repeat(20) }), e('b', { key: ['oil'], content: 'wick '.repeat(20), order: 40 }), e('c', { key: ['wick'], order: 30 }), e('d', { key: ['oil'], order: 20, content: 'x '.repeat(30) })], { room: 1000, set: { world_info_budget: 9 } }],
    ['the budget and rounds that others do not count for', [words('a', 20, { preventRecursion: true }), words('b', 20, { content: 'oil' }), e('c', { key: ['oil'], content: 'x '.repeat(40) })], { room: 1000, set: { world_info_budget: 9 } }],
    ['no more messages once the budget is used up', [...gulls.slice(0, 4), words('long', 80)], { chat: LONG, room: 1000, set: { world_info_budget: 5, world_info_min_activations: 3 } }],
    ['a share that is rounded', six, { room: 1010, set: { world_info_budget: 7 } }],
];

const places = [
    ['every place', [0, 1, 2, 3, 5, 6].flatMap(position => [1, 2].map(order => lamp(`p${position} o${order}`, { position, order })))],
    ['depths and roles', [[0, 0], [0, 1], [4, 0], [4, 2], [1, 1], [1, 1]].map(([depth, role], at) => lamp(`d${depth} r${role} ${at}`, { position: 4, depth, role, order: at }))],
    ['outlets', ['x', 'y', 'x'].map((outletName, at) => lamp(`${outletName}${at}`, { position: 7, outletName, order: at }))],
    ['orders', [3, 1, 2, 100, 50].map(order => lamp(`o${order}`, { order }))],
    ['entries of the same order', [1, 2, 3, 4].map(at => lamp(`same ${at}`))],
    ['entries of the same order that come in later', [e('c', { key: ['oil'] }), lamp('a', { content: 'oil' }), e('b', { key: ['oil'] })]],
    ['negative orders', [-5, 0, 5].map(order => lamp(`o${order}`, { order }))],
    ['an entry without text', [lamp('a', { content: '' }), lamp('b')]],
    ['macros in the text', [lamp('a', { content: '{{char}} and {{user}}' })]],
    ['text with lines and blanks', [lamp('a', { content: '  one\n\n two  ' }), lamp('b', { content: '\nthree\n' })]],
];

const group = (comment, fields) => lamp(comment, { group: 'g', ...fields });
const groups = [
    ['the one that wins its group', [group('a'), group('b', { groupOverride: true }), group('c')]],
    ['of two that win, the higher order', [group('a', { order: 1, groupOverride: true }), group('b', { order: 9, groupOverride: true }), group('c', { order: 20 })]],
    ['of two that win with the same order', [group('a', { groupOverride: true }), group('b', { groupOverride: true })]],
    ['weights of nothing', [group('a', { groupWeight: 100 }), group('b', { groupWeight: 0 })]],
    ['only one of the group is mentioned', [group('a'), e('b', { key: ['harp'], group: 'g', groupOverride: true })]],
    ['scores, for all', [group('a', { key: ['lamp', 'lit'] }), group('b')], { set: { world_info_use_group_scoring: true } }],
    ['scores, with secondary keys', [group('a', { keysecondary: ['lit', 'she'], selectiveLogic: 0 }), group('b', { key: ['lamp', 'lit'] }), group('c', { keysecondary: ['harp'], selectiveLogic: 2 })], { set: { world_info_use_group_scoring: true } }],
    ['scores, of an entry', [group('a', { key: ['lamp', 'lit'], useGroupScoring: true, groupOverride: true }), group('b', { useGroupScoring: true })]],
    ['scores: those that do not count them can be beaten by nobody', [group('a', { key: ['lamp', 'lit', 'she'], groupOverride: false }), group('b', { key: ['lamp', 'lit'], useGroupScoring: true }), group('c', { useGroupScoring: true })]],
    ['scores, of all but one', [group('a', { key: ['lamp', 'lit'] }), group('b', { useGroupScoring: false, groupOverride: true })], { set: { world_info_use_group_scoring: true } }],
    ['a group that has one in the prompt', [group('a', { groupOverride: true, content: 'oil' }), e('b', { key: ['oil'], group: 'g', groupOverride: true }), e('c', { key: ['oil'] })]],
    ['two groups', [group('a', { groupOverride: true }), group('b'), group('c', { group: 'h' }), group('d', { group: 'h', groupOverride: true })]],
    ['constant entries of a group', [e('a', { key: [], constant: true, group: 'g', groupOverride: true }), group('b')]],
    ['chance comes after the group', [group('a', { groupOverride: true, probability: 0 }), group('b')]],
    ['an entry of two groups that loses in both', [group('z', { order: 1, group: '' }), group('a', { order: 90, groupOverride: true }), group('b', { order: 80, group: 'g, h' }), group('c', { order: 70, group: 'h', groupOverride: true })], { differs: 'there, who loses twice takes the last entry with it, which is in no group' }],
    ['an entry of two groups that is in the prompt', [group('a', { group: 'g, h', content: 'oil' }), e('b', { key: ['oil'], group: 'h' })], { differs: 'there, an entry of several groups leaves all of them open once it is in; here it is the one of each' }],
];

const months = ['storm', 'calm', 'calm', 'calm', 'calm', 'storm', 'calm', 'storm'];
const storm = (comment, fields) => e(comment, { key: ['storm'], ...fields });
const one = { world_info_depth: 1 };
const timed = [
    ['sticky', [storm('a', { sticky: 2 }), storm('b')], { steps: months, set: one }],
    ['cooldown', [storm('a', { cooldown: 3 }), storm('b', { cooldown: 7 })], { steps: ['storm', 'storm', 'storm', 'storm', 'storm', 'storm', 'storm', 'storm', 'storm'], set: one }],
    ['sticky, then cooldown', [storm('a', { sticky: 2, cooldown: 3 })], { steps: ['storm', 'calm', 'storm', 'storm', 'storm', 'storm', 'storm', 'storm'], set: one }],
    ['delay', [storm('a', { delay: 3 }), e('b', { key: [], constant: true, delay: 2 })], { steps: ['storm', 'storm', 'storm', 'storm'], set: one }],
    ['sticky, delay and chance', [storm('a', { sticky: 3, delay: 2 }), storm('b', { sticky: 2, probability: 100 })], { steps: ['storm', 'storm', 'calm', 'calm', 'calm', 'storm'], set: one }],
    ['sticky entries win their groups', [storm('a', { sticky: 3, group: 'g', groupOverride: true }), e('b', { key: ['calm'], group: 'g', groupOverride: true })], { steps: ['storm', 'calm', 'calm', 'calm', 'calm'], set: one }],
    ['sticky entries are considered first', [storm('a', { sticky: 3, order: 1, content: 'x '.repeat(30) }), e('b', { key: ['calm'], order: 90, content: 'y '.repeat(30) })], { steps: ['storm', 'calm', 'calm'], set: { ...one, world_info_budget: 5 }, room: 1000 }],
    ['sticky entries need no others', [storm('a', { content: 'oil' }), e('b', { key: ['oil'], delayUntilRecursion: true, sticky: 3 })], { steps: ['storm', 'calm', 'calm', 'calm', 'calm'], set: one }],
    ['a sticky entry with a cooldown in a group', [storm('a', { sticky: 3, cooldown: 5, group: 'g' })], { steps: ['storm', 'calm', 'calm'], set: one, differs: 'there, an entry that stays leaves its group again because its rest is written down already; here it stays' }],
];

const sources = ['matchPersonaDescription', 'matchCharacterDescription', 'matchCharacterPersonality', 'matchCharacterDepthPrompt', 'matchScenario', 'matchCreatorNotes'];
const others = [
    ...['nurse', 'shop', 'brisk', 'umbrella', 'attic', 'evening'].map((word, at) => [`also searched: ${sources[at]}`, [e('a', { key: [word], [sources[at]]: true }), e('b', { key: [word] })]]),
    ['also searched, however deep', [e('a', { key: ['shop'], matchCharacterDescription: true, scanDepth: 0 }), e('b', { key: ['shop'], matchCharacterDescription: true, scanDepth: 1 })]],
];

const named = (names, isExclude = false, tags = []) => ({ characterFilter: { isExclude, names, tags } });
const filters = [
    ['for this character', [lamp('a', named(['Ilse'])), lamp('b', named(['Anselm'])), lamp('c', named(['Anselm', 'Ilse']))]],
    ['not for this character', [lamp('a', named(['Ilse'], true)), lamp('b', named(['Anselm'], true))]],
    ['for characters with a tag', [lamp('a', named([], false, ['harbour'])), lamp('b', named([], false, ['desert'])), lamp('c', named([], false, ['desert', 'night']))]],
    ['not for characters with a tag', [lamp('a', named([], true, ['harbour'])), lamp('b', named([], true, ['desert']))]],
    ['for this character with a tag', [lamp('a', named(['Ilse'], false, ['harbour'])), lamp('b', named(['Ilse'], false, ['desert'])), lamp('c', named(['Anselm'], false, ['harbour']))]],
    ['not for one with this name, nor with this tag', [lamp('a', named(['Anselm'], true, ['harbour'])), lamp('b', named(['Anselm'], true, ['desert']))]],
    ['a filter for nobody', [lamp('a', named([])), lamp('b', named([], true)), lamp('c', { characterFilter: null })]],
    ['filters and constant entries', [e('a', { key: [], constant: true, ...named(['Anselm']) }), e('b', { key: [], constant: true, ...named(['Ilse']) })]],
    ...['normal', 'continue', 'swipe', 'impersonate'].map(trigger => [`for turns: ${trigger}`, [lamp('a', { triggers: ['normal'] }), lamp('b', { triggers: ['continue', 'swipe'] }), lamp('c', { triggers: [] })], { trigger }]),
];

const decorated = (comment, lines, fields) => e(comment, { key: ['harp'], content: `${lines}\nText of ${comment}.`, ...fields });
const decorators = [
    ['@@activate', [decorated('a', '@@activate'), decorated('b', '@@activate', { disable: true })]],
    ['@@dont_activate', [decorated('a', '@@dont_activate', { key: ['lamp'] }), decorated('b', '@@dont_activate', { key: [], constant: true })]],
    ['both', [decorated('a', '@@dont_activate\n@@activate'), decorated('b', '@@activate\n@@dont_activate')]],
    ['for who does not know the line above', [decorated('a', '@@unheard_of\n@@@activate'), decorated('b', '@@activate\n@@@dont_activate'), decorated('c', '@@@activate')]],
    ['nobody knows it', [decorated('a', '@@unheard_of 3', { key: ['lamp'] })]],
    ['@@activate waits like others', [decorated('a', '@@activate', { delayUntilRecursion: true }), lamp('b', { content: 'x' })]],
    ['@@depth', [decorated('a', '@@depth 2', { key: ['lamp'] })], { differs: 'V3: SillyTavern knows two decorators, here there are all of the specification' }],
    ['@@scan_depth', [decorated('a', '@@scan_depth 1', { key: ['wave'] })], { chat: ['x', 'the wave', 'x'], differs: 'V3: the same' }],
    ['@@activate_only_after', [decorated('a', '@@activate_only_after 9', { key: ['lamp'] })], { differs: 'V3: the same' }],
    ['@@exclude_keys', [decorated('a', '@@exclude_keys lit', { key: ['lamp'] })], { differs: 'V3: the same' }],
    ['nothing but decorators', [e('a', { key: ['lamp'], content: '@@activate' })], { differs: 'there, the decorators then stand in the prompt; here nothing does' }],
];

const all = fields => ({ selective: true, secondary_keys: [], use_regex: true, extensions: exported(), ...fields });
const cards = [
    ['the card\'s own book', [own('a'), own('b', { keys: ['harp'] }), own('c', { constant: true, keys: [] }), own('d', { enabled: false })], { isOwn: true }],
    ['the card\'s own book: places', [own('a', { position: 'before_char' }), own('b', { position: 'after_char' }), own('c', { extensions: { position: 4, depth: 2, role: 1 } }), own('d', { extensions: { position: 4 } })], { isOwn: true }],
    ['a card that SillyTavern exported', [own('a', all()), own('b', all({ constant: true, keys: [] })), own('c', all({ keys: ['lam'] })), own('d', all({ keys: ['lamp.'] }))], { isOwn: true }],
    ['a card that SillyTavern exported: secondary keys', [0, 1, 2, 3].map(selectiveLogic => own(`l${selectiveLogic}`, all({ secondary_keys: ['lit', 'harp'], extensions: exported({ selectiveLogic }) }))), { isOwn: true }],
    ['a card that SillyTavern exported: the rest', [own('a', all({ extensions: exported({ probability: 0 }) })), own('b', all({ extensions: exported({ probability: 0, useProbability: false }) })), own('c', all({ keys: ['LAMP'], extensions: exported({ case_sensitive: true }) })), own('d', all({ keys: ['lam'], extensions: exported({ match_whole_words: false }) })), own('e', all({ keys: ['gull'], extensions: exported({ scan_depth: 6 }) })), own('f', all({ extensions: exported({ triggers: ['quiet'] }) })), own('g', all({ extensions: exported({ delay: 9 }) }))], { isOwn: true, chat: LONG }],
    ['secondary keys of a card\'s own book', [own('a', { selective: true, secondary_keys: ['harp'] }), own('b', { selective: false, secondary_keys: ['harp'] }), own('c', { selective: true, secondary_keys: ['lit'] })], { isOwn: true }],
    ...[0, 1, 2].map(world_info_character_strategy => [`the character's or others first: ${world_info_character_strategy}`, [own('o1', { insertion_order: 10 }), own('o2', { insertion_order: 30 })], { isOwn: true, beside: [lamp('w1', { order: 20 }), lamp('w2', { order: 40 })], set: { world_info_character_strategy, world_info_budget: 2 }, room: 1000 }]),
    ...[0, 1, 2].map(world_info_character_strategy => [`the character's and others of the same order: ${world_info_character_strategy}`, [own('o1'), own('o2')], { isOwn: true, beside: [lamp('w1', { position: 1 }), lamp('w2', { position: 1 })], set: { world_info_character_strategy } }]),
    ['V2: case matters to an entry', [own('a', { keys: ['LAMP'], case_sensitive: true })], { isOwn: true, differs: 'V2 has `case_sensitive` in the entry itself, which SillyTavern does not read' }],
    ['V2: how far a book searches', [own('a', { keys: ['wave'] })], { isOwn: true, chat: LONG, book: { scan_depth: 4 }, differs: 'V2 has `scan_depth`, `token_budget` and `recursive_scanning` of a book, which SillyTavern does not read' }],
    ['V3: regular expressions without slashes', [own('a', { keys: ['lam.'], use_regex: true })], { isOwn: true, differs: 'V3 has `use_regex`, which SillyTavern writes and does not read; here it holds where SillyTavern did not write it' }],
];

/** Every case: its name, the entries, the chat, the settings, and what else there is. */
export const CASES = [keys, expressions, secondary, states, recursion, depth, budget, places, groups, timed, others, filters, decorators, cards].flat()
    .map(([name, entries, more = {}]) => ({ name, entries, chat: ['He came in.', 'The door fell shut.', LAST], set: {}, ...more }));

/** What is drawn: over many draws each comes out about as often in both. */
export const DRAWN = [
    lamp('chance', { probability: 30 }),
    lamp('light', { group: 'g', groupWeight: 100 }),
    lamp('heavy', { group: 'g', groupWeight: 300 }),
];
