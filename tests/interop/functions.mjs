// Single functions of SillyTavern's browser code, taken out of their modules.

/** The text of the function `name` in a source file, exported or not. */
export function functionText(source, name) {
    const start = source.search(new RegExp(`(export )?function ${name}\\(`));
    if (start < 0) throw new Error(`there is no function ${name}`);
    const open = source.indexOf(') {\n', start) + 2;
    let end = open;
    for (let depth = 0; end < source.length; end += 1) {
        if (source[end] === '{') depth += 1;
        if (source[end] === '}' && (depth -= 1) === 0) break;
    }
    return source.slice(start, end + 1).replace(/^export /, '');
}

/** The functions in `texts` by name, with `known` as what they take from their modules. */
export function load(texts, names, known) {
    const body = `${texts.join('\n')}\nreturn { ${names.join(', ')} };`;
    return new Function(...Object.keys(known), body)(...Object.values(known));
}
