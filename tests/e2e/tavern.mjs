// A SillyTavern of our own: its server, its first start, its connection to ours, its import of cards.

import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';

import { freePort, start, until } from './tools.mjs';

/** How each type of back-end is called in SillyTavern's menu, and where its address goes. */
export const TYPES = {
    llamacpp: '#llamacpp_api_url_text',
    ooba: '#textgenerationwebui_api_url_text',
    koboldcpp: '#koboldcpp_api_url_text',
};

/** Starts the server of the package in the folder `tavern`, with everything it keeps in `work`; its address. */
export async function startTavern(tavern, work) {
    const port = await freePort();
    const config = path.join(work, 'config.yaml');
    const defaults = fs.readFileSync(path.join(tavern, 'default/config.yaml'), 'utf8');
    const changed = defaults
        .replace(/(browserLaunch:\n(?:\s*#.*\n)*\s*enabled:) true/, '$1 false')
        .replace('autoUpdate: true', 'autoUpdate: false')
        .replace('autoDownload: true', 'autoDownload: false')
        .replace('enableDownloadableTokenizers: true', 'enableDownloadableTokenizers: false');
    fs.writeFileSync(config, changed);
    const args = ['server.js', '--configPath', config, '--dataRoot', path.join(work, 'data'), '--port', String(port), '--browserLaunchEnabled', 'false'];
    start('SillyTavern', process.execPath, args, { cwd: tavern }, path.join(work, 'sillytavern.log'));
    const base = `http://127.0.0.1:${port}`;
    await until('SillyTavern answers', () => fetch(base).then(response => response.ok, () => false), 120);
    return base;
}

/** Opens it, and says at a first start who one is. */
export async function openTavern(page, base, user) {
    await page.goto(base);
    const name = page.locator('dialog[open] .popup-input');
    await name.waitFor({ timeout: 120_000 });
    await name.fill(user);
    await page.locator('dialog[open] .popup-button-ok').click();
    await until('SillyTavern is ready', () => page.evaluate(() => Boolean(window.SillyTavern?.getContext) && !document.querySelector('#preloader')), 120);
}

/** Takes a card in through the import of characters. */
export async function importCard(page, file, name) {
    await page.setInputFiles('#character_import_file', file);
    await until('the card is imported', () => page.evaluate(wanted => window.SillyTavern.getContext().characters.some(one => one.name === wanted), name), 120);
    await page.locator('dialog[open]', { hasText: 'Import Tags' }).getByText('Import None').click();
}

/** Connects it to a server of ours as one of the types; what it then shows. */
export async function connect(page, type, url) {
    await page.evaluate(([wanted, address, server]) => {
        window.$('#main_api').val('textgenerationwebui').trigger('change');
        window.$('#textgen_type').val(wanted).trigger('change');
        window.$(address).val(server).trigger('input').trigger('change');
        window.$('#api_button_textgenerationwebui').trigger('click');
    }, [type, TYPES[type], url]);
    return until(`${type}: connected`, () => page.evaluate(() => {
        const { onlineStatus } = window.SillyTavern.getContext();
        return onlineStatus !== 'no_connection' && onlineStatus;
    }), 120);
}
