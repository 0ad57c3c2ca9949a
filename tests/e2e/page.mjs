// Our own page in a real browser: what one can do with it, that it can be used without a mouse and read by a screen
// reader (axe), in both themes and on a phone.
//
//     node tests/e2e/page.mjs CARDWRIGHT WORK_FOLDER

import fs from 'node:fs';
import path from 'node:path';

import { check, finish, installed, launch, serve, stopAll, until } from './tools.mjs';

const [binary, work] = process.argv.slice(2).map(file => path.resolve(file));
const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../..');
const pictures = process.env.E2E_PICTURES ?? path.join(work, 'pictures');
const axe = fs.readFileSync(installed.resolve('axe-core/axe.min.js'), 'utf8');
fs.mkdirSync(pictures, { recursive: true });

const cards = path.join(work, 'cards');
fs.mkdirSync(cards, { recursive: true });
for (const name of fs.readdirSync(path.join(root, 'cards')).filter(name => name.endsWith('.png'))) {
    fs.copyFileSync(path.join(root, 'cards', name), path.join(cards, name));
}
const HOSTILE = '<img src=x onerror="window.hurt=1"><script>window.hurt=2</script>';
fs.writeFileSync(path.join(cards, 'hostile.json'), JSON.stringify({
    spec: 'chara_card_v2', spec_version: '2.0',
    data: {
        name: `Hostile ${HOSTILE}`, description: `A test. ${HOSTILE} [x](javascript:window.hurt=3)`, personality: '', scenario: HOSTILE,
        first_mes: `**Bold** *soft* "said" ${HOSTILE}`, mes_example: '', creator_notes: HOSTILE, system_prompt: '', post_history_instructions: '',
        alternate_greetings: [HOSTILE], tags: [HOSTILE], creator: HOSTILE, character_version: '', extensions: {},
    },
}));

const server = await serve(binary, work, ['--watch', '--cards', cards]);
const browser = await launch();
const SIZES = { wide: { width: 1180, height: 820 }, phone: { width: 390, height: 844 } };

/** A window of its own; whatever goes wrong in it is counted. */
async function open(scheme, size, options = {}) {
    const context = await browser.newContext({ viewport: SIZES[size], colorScheme: scheme, acceptDownloads: true, hasTouch: size === 'phone', ...options });
    // The policy of the page forbids scripts from elsewhere, axe's too; it goes in where the policy does not reach.
    await context.addInitScript(axe);
    const page = await context.newPage();
    page.trouble = [];
    page.on('console', message => message.type() === 'error' && page.trouble.push(message.text()));
    page.on('pageerror', error => page.trouble.push(error.stack));
    page.on('request', request => {
        const { origin, protocol } = new URL(request.url());
        if (origin !== server.base && !['blob:', 'data:'].includes(protocol)) page.trouble.push(`asked elsewhere: ${request.url()}`);
    });
    return page;
}

/** What every view must be like: no serious violation, nothing wider than the window; and a picture. */
async function inspect(page, view, scheme, size) {
    const what = `${view}, ${scheme}, ${size}`;
    await page.waitForTimeout(250);
    const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
    const serious = violations.filter(violation => ['serious', 'critical'].includes(violation.impact));
    check(`${what}: axe finds nothing serious`, serious.length === 0, serious.map(violation => `${violation.id}: ${violation.nodes.map(node => `${node.target} ${node.failureSummary}`).join('\n    ')}`).join('\n'));
    const spill = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    check(`${what}: nothing is wider than the window`, spill <= 0, `${spill} pixels`);
    await page.screenshot({ path: path.join(pictures, `${view}-${scheme}-${size}.png`) });
}

const go = async (page, hash, ready) => {
    await page.goto(`${server.base}/${hash}`);
    await page.locator(ready).first().waitFor();
};
const quiet = page => page.getByRole('button', { name: 'Stop' }).waitFor({ state: 'detached', timeout: 90_000 });

/** Every view once, in one theme and size. */
async function views(scheme, size) {
    const page = await open(scheme, size);
    const look = view => inspect(page, view, scheme, size);
    await go(page, '#/', '.tile img');
    await look('gallery');
    await go(page, '#/card/anselm.png', '.report .findings, .report .clear');
    await look('card');
    await page.getByRole('button', { name: 'Edit', exact: true }).click();
    await page.getByRole('textbox', { name: 'Scenario' }).fill('{{char}} waits. {{unclosed');
    await page.locator('.ofField li').first().waitFor();
    await look('edit');
    await page.getByRole('button', { name: 'Discard' }).click();
    await go(page, '#/prompt/anselm.png', 'pre .part-tag');
    await look('prompt');
    await page.getByRole('button', { name: 'Pasted' }).click();
    await page.getByRole('textbox', { name: 'Prompt', exact: true }).fill(fs.readFileSync(path.join(root, 'tests/fixtures/prompt/bad/many-faults.txt'), 'utf8'));
    await page.locator('pre mark').first().waitFor();
    await look('pasted');
    await go(page, '#/chat/anselm.png', '.turn');
    await page.getByText('Settings').click();
    await look('settings');
    await page.getByText('Settings').click();
    await look('chat');
    await go(page, '#/watch', '.view-watch h1');
    await look('watch');
    await go(page, '#/generate', 'form');
    await look('generate');
    check(`${scheme}, ${size}: no error in the browser`, page.trouble.length === 0, page.trouble.join('\n'));
    await page.context().close();
}

/** What people do, one after the other. */
async function use() {
    const page = await open('light', 'wide');
    await go(page, '#/', '.tile');

    // Search, tags, keyboard.
    await page.keyboard.press('/');
    await page.keyboard.type('vampire');
    await until('the search narrows', async () => (await page.locator('.tile').count()) === 1);
    check('search finds by tag', (await page.locator('.tile .name').textContent()) === 'Anselm');
    await page.getByLabel('Search cards').fill('');
    await page.getByRole('button', { name: /^android/ }).click();
    await until('the tag narrows', async () => (await page.locator('.tile').count()) === 2);
    check('a tag says that it is chosen', (await page.getByRole('button', { name: /^android/ }).getAttribute('aria-pressed')) === 'true');
    await page.getByRole('button', { name: /^android/ }).click();
    await page.locator('.tile').first().focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await page.locator('.view-card h1').waitFor();
    check('a card opens by keyboard', (await page.locator('h1').textContent()) === 'Basalt', await page.locator('h1').textContent());

    // Import by dropping a file, whatever its name says.
    const bytes = [...fs.readFileSync(path.join(root, 'cards/okka.png'))];
    const data = await page.evaluateHandle(list => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(list)], 'My Okka.webp'));
        return transfer;
    }, bytes);
    await page.dispatchEvent('body', 'dragenter', { dataTransfer: data });
    check('the page shows where to drop', await page.locator('#drop').isVisible());
    await page.dispatchEvent('body', 'drop', { dataTransfer: data });
    await page.getByRole('heading', { name: 'Okka', level: 1 }).waitFor();
    check('the dropped card is in the folder', fs.existsSync(path.join(cards, 'my-okka.png')), fs.readdirSync(cards).join(' '));
    check('it is there byte for byte', Buffer.from(bytes).equals(fs.readFileSync(path.join(cards, 'my-okka.png'))));

    // Edit with live findings and counts; nothing but the edited field changes.
    await page.getByRole('button', { name: 'Edit', exact: true }).click();
    const cost = () => page.locator('[data-field="scenario"] .cost').textContent();
    const before = await cost();
    await page.getByRole('textbox', { name: 'Scenario' }).fill('{{user}} knocks. <script>alert(1)</script>');
    await until('the count follows', async () => (await cost()) !== before);
    await page.locator('[data-field="scenario"] .ofField .error').waitFor();
    check('a finding stands at its field', true);
    await page.getByRole('textbox', { name: 'Scenario' }).fill('{{user}} knocks at the door of the mill.');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('Saved.').waitFor();
    const edited = await server.get('/api/cards/my-okka.png');
    const original = await server.get('/api/cards/okka.png');
    check('the edit is saved', edited.fields.scenario === '{{user}} knocks at the door of the mill.');
    check('nothing else is changed', JSON.stringify({ ...edited.card.data, scenario: '' }) === JSON.stringify({ ...original.card.data, scenario: '' }));

    // A file that is no card is refused in words.
    await page.goto(`${server.base}/#/`);
    await page.setInputFiles('input[type=file]', { name: 'notes.png', mimeType: 'image/png', buffer: Buffer.from('nothing') });
    await page.locator('.toast.error').waitFor();
    check('what is no card is refused', /notes\.png/.test(await page.locator('.toast.error').textContent()));

    // A card that means no good stays text.
    await go(page, '#/card/hostile.json', '.view-card h1');
    await page.waitForTimeout(300);
    check('a hostile name is shown as text', (await page.locator('h1').textContent()).includes('<script>'));
    await go(page, '#/chat/hostile.json', '.turn');
    check('emphasis is shown, markup is not', (await page.locator('.turn strong', { hasText: 'Bold' }).count()) === 1 && (await page.locator('.turn img[src=x]').count()) === 0);
    await go(page, '#/', '.tile');
    check('nothing of a card was run', (await page.evaluate(() => window.hurt)) === undefined);
    await page.evaluate(() => {
        try {
            document.createElement('div').innerHTML = '<b>x</b>';
            window.sink = 'open';
        } catch {
            window.sink = 'shut';
        }
    });
    check('even a script cannot make markup from text', (await page.evaluate(() => window.sink)) === 'shut');
    page.trouble = page.trouble.filter(line => !/TrustedHTML|400 \(Bad Request\)|trusted/i.test(line));

    // The prompt follows what one types.
    await go(page, '#/prompt/anselm.png', 'pre .part-tag');
    await page.getByLabel('Your name').fill('Mina');
    await until('the prompt follows', async () => (await page.locator('pre').textContent()).includes("Mina's Persona:"));
    await page.getByRole('textbox', { name: 'Your message' }).fill('Mina knocks.');
    await until('the message is in it', async () => (await page.locator('pre').textContent()).endsWith('Mina: Mina knocks.\n\n<<AIBOT>>\nAnselm:'));
    check('a good prompt has no finding', (await page.locator('.resulthead .badge.good').count()) === 1);

    // Chat: send, watch it being written, swipe, continue, have one's own turn written, stop, edit.
    await page.evaluate(() => localStorage.setItem('cardwright:options', JSON.stringify({ user: 'Mina', tokens: 60 })));
    await go(page, '#/chat/anselm.png', '.turn');
    await page.reload();
    await page.locator('.turn').first().waitFor();
    await page.getByRole('textbox', { name: 'Your message' }).fill('"Good evening," Mina says.');
    await page.keyboard.press('Enter');
    const grown = new Set();
    await until('a reply', async () => {
        const text = await page.locator('.turn').nth(2).locator('.prose').textContent().catch(() => '');
        if (text) grown.add(text.length);
        return grown.size >= 3;
    });
    check('the reply is shown while it is written', true);
    await quiet(page);
    const reply = () => page.locator('.turn').last().locator('.prose').textContent();
    const first = await reply();
    await page.getByRole('button', { name: 'Write another alternative' }).click();
    await quiet(page);
    check('there are two alternatives', (await page.locator('.swipes span').textContent()) === '2 / 2');
    await page.getByRole('button', { name: 'Alternative before' }).click();
    check('the first one is kept', (await reply()) === first);
    await page.getByRole('button', { name: 'Continue' }).click();
    await quiet(page);
    const told = (await server.get('/api/watch')).prompts.at(-1).prompt;
    // What is shown has neither the line breaks between its paragraphs nor the signs of emphasis.
    const bare = text => text.replace(/[\s*_]+/g, '');
    check('continuing asks for more of it', bare(told).endsWith(`Anselm:${bare(first)}`), told.slice(-200));
    check('continuing goes on with it', (await reply()).startsWith(first.slice(0, 20)) && (await reply()).length >= first.length, await reply());
    await page.getByRole('button', { name: 'Write for me' }).click();
    await quiet(page);
    check('my turn is written for me', (await page.getByRole('textbox', { name: 'Your message' }).inputValue()).length > 0);
    await page.evaluate(() => localStorage.setItem('cardwright:options', JSON.stringify({ user: 'Mina', tokens: 2000 })));
    await page.reload();
    await page.locator('.turn').nth(2).waitFor();
    check('the chat is still there after loading anew', (await page.locator('.turn').count()) === 3);
    await page.getByRole('textbox', { name: 'Your message' }).fill('Mina waits.');
    await page.keyboard.press('Enter');
    await until('something is written', async () => (await page.locator('.turn').nth(4).locator('.prose').textContent().catch(() => '')).length > 10);
    await page.getByRole('button', { name: 'Stop' }).click();
    await until('the server has stopped', async () => (await server.metric('requests_running')) === 0, 5);
    check('what was written stays', (await page.locator('.turn').count()) === 5);
    await page.getByRole('button', { name: 'Edit message 4' }).click();
    await page.locator('.turn textarea').fill('Mina does not wait.');
    await page.getByRole('button', { name: 'Done' }).click();
    check('a message can be edited', (await page.locator('.turn').nth(3).locator('.prose').textContent()) === 'Mina does not wait.');
    await inspect(page, 'chatted', 'light', 'wide');

    // Watch: the chat's prompts arrived, and all were good.
    await go(page, '#/watch', '.arrivals li');
    check('prompts are watched', (await page.locator('.arrivals li').count()) >= 4);
    check('the page itself sends good prompts', (await page.locator('.arrivals .badge.error, .arrivals .badge.warning').count()) === 0, await page.locator('.arrivals').textContent());
    await server.post('/v1/completions', { prompt: '<<SYSTEM>>\nAnn: x\n<<HUMAN>>\nBen: hi\n<<AIBOT>>\n', max_tokens: 1 });
    await page.locator('.arrivals .badge.error').first().waitFor();
    check('a bad prompt shows up by itself', true);
    await inspect(page, 'watched', 'light', 'wide');

    // Invent, look on, keep.
    await go(page, '#/generate', 'form');
    await page.getByLabel('Seed').fill('11');
    await page.getByRole('button', { name: 'Invent' }).click();
    await page.locator('.live p').first().waitFor();
    await inspect(page, 'generating', 'light', 'wide');
    await page.getByRole('button', { name: 'Keep' }).waitFor({ timeout: 300_000 });
    await inspect(page, 'generated', 'light', 'wide');
    const known = fs.readdirSync(cards).length;
    await page.getByRole('button', { name: 'Keep' }).click();
    await page.getByRole('link', { name: 'Open the card' }).click();
    await page.locator('.view-card .portrait img').waitFor();
    check('a kept character is a card in the folder', fs.readdirSync(cards).length === known + 1);
    const { findings } = await server.post('/api/prompt/render', { file: decodeURIComponent(page.url().split('/').at(-1)) });
    check('its prompt is in format', findings.every(finding => finding.severity !== 'error'), JSON.stringify(findings, null, 1));
    check('using the page made no error', page.trouble.length === 0, page.trouble.join('\n'));
    await page.context().close();
}

/** With a key, the page asks for it; without a folder, cards stay in the page. */
async function locked() {
    const other = await serve(binary, work, ['--api-key', 'open sesame', '--ctx', '512']);
    const context = await browser.newContext({ viewport: SIZES.wide });
    const page = await context.newPage();
    await page.goto(other.base);
    await page.getByLabel('API key').fill('wrong');
    await page.keyboard.press('Enter');
    await page.waitForTimeout(300);
    await page.getByLabel('API key').fill('open sesame');
    await page.keyboard.press('Enter');
    await page.getByText('No cards yet').waitFor();
    check('the page works with a key', true);
    await page.setInputFiles('input[type=file]', path.join(root, 'cards/pell.png'));
    await page.getByRole('heading', { name: 'Pell', level: 1 }).waitFor();
    await page.getByRole('button', { name: 'Edit', exact: true }).click();
    await page.getByRole('textbox', { name: 'Creator', exact: true }).fill('somebody');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('Changed in this page').waitFor();
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save file' }).click()]);
    const saved = path.join(work, 'pell.png');
    await download.saveAs(saved);
    const response = await fetch(`${other.base}/api/card/read`, { method: 'POST', headers: { authorization: 'Bearer open sesame', 'content-type': 'application/octet-stream' }, body: fs.readFileSync(saved) });
    check('a card can be edited without a folder and saved', (await response.json()).creator === 'somebody');
    await context.close();
}

/** Asked to end, the server lets replies end first, and takes no more. */
async function ends() {
    const other = await serve(binary, work, ['--ctx', '1024']);
    const response = await fetch(`${other.base}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ prompt: 'Once upon a time', max_tokens: 300, ignore_eos: true, stream: true }),
    });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader.read()).value;
    const gone = new Promise(resolve => other.child.on('exit', resolve));
    other.child.wanted = true;
    other.child.kill('SIGTERM');
    for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        text += value;
    }
    check('a reply that was begun is written to its end', text.trimEnd().endsWith('[DONE]'), text.slice(-200));
    check('then the server is gone, and says it went well', (await gone) === 0);
    check('nobody is there any more', await fetch(other.base).then(() => false, () => true));
}

try {
    await use();
    for (const scheme of ['light', 'dark']) for (const size of ['wide', 'phone']) await views(scheme, size);
    await locked();
    await ends();
} catch (error) {
    check('the run came to its end', false, error.stack);
    for (const context of browser.contexts()) for (const page of context.pages()) {
        await page.screenshot({ path: path.join(work, 'page.png') }).catch(() => {});
        console.log(`    a picture of it: ${path.join(work, 'page.png')}`);
    }
} finally {
    await browser.close();
    await stopAll();
}
finish('page');
