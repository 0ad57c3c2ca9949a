// What the end-to-end checks share: processes, the browser, counting.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';

const modules = process.env.E2E_MODULES ?? '';
export const installed = createRequire(path.resolve(modules, 'package.json'));

let passed = 0;
let failed = 0;

/** Counts whether something holds, and says what it is if not. */
export function check(what, holds, detail = '') {
    if (holds) {
        passed += 1;
        if (process.env.E2E_VERBOSE) console.log(`ok: ${what}`);
    } else {
        failed += 1;
        console.log(`failed: ${what}`);
        if (detail) console.log(String(detail).replace(/^/gm, '    '));
    }
    return holds;
}

/** Says how it went; the process fails if anything did. */
export function finish(name) {
    console.log(`${name}: ${passed} passed, ${failed} failed`);
    process.exitCode = failed === 0 ? 0 : 1;
}

/** Waits until `look` gives something that counts as true. */
export async function until(what, look, seconds = 120) {
    const end = Date.now() + seconds * 1000;
    for (;;) {
        const seen = await look();
        if (seen) return seen;
        if (Date.now() > end) throw new Error(`waited ${seconds} s in vain: ${what}`);
        await new Promise(resolve => setTimeout(resolve, 50));
    }
}

/** A port that nobody listens on. */
export const freePort = () => new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
        const { port } = server.address();
        server.close(() => resolve(port));
    });
});

const running = [];

/** Starts a program; what it says goes to a file, whose end is shown if it dies early. */
export function start(name, command, args, options, log) {
    const out = fs.openSync(log, 'a');
    const child = spawn(command, args, { ...options, stdio: ['ignore', out, out] });
    running.push(child);
    child.on('exit', code => {
        child.gone = true;
        if (!child.wanted) {
            console.log(`failed: ${name} ended early (${code})`);
            console.log(fs.readFileSync(log, 'utf8').slice(-2000).replace(/^/gm, '    '));
            process.exit(1);
        }
    });
    return child;
}

/** Ends the programs that were started, and waits until they have. */
export async function stopAll() {
    await Promise.all(running.splice(0).map(child => new Promise(resolve => {
        child.wanted = true;
        if (child.gone) return resolve();
        child.on('exit', resolve);
        child.kill('SIGTERM');
        setTimeout(() => child.kill('SIGKILL'), 5000).unref();
    })));
}

/** A browser of its own, with nothing in it and nothing to say to anybody. */
export async function launch() {
    const { chromium } = installed('playwright-core');
    return chromium.launch({
        executablePath: process.env.E2E_CHROMIUM,
        args: [
            '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
            '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
        ],
    });
}

/** Our server, ready to be asked. */
export async function serve(binary, work, args = []) {
    const port = await freePort();
    const log = path.join(work, `serve-${port}.log`);
    const child = start('cardwright serve', binary, ['serve', '--port', String(port), ...args], {}, log);
    const base = `http://127.0.0.1:${port}`;
    const ask = async (method, where, body) => {
        const response = await fetch(base + where, {
            method,
            headers: body === undefined ? {} : { 'content-type': 'application/json' },
            body: body === undefined ? undefined : JSON.stringify(body),
        });
        const text = await response.text();
        if (!response.ok) throw new Error(`${where}: ${response.status} ${text}`);
        return text;
    };
    const server = {
        base, child, log,
        text: where => ask('GET', where),
        get: async where => JSON.parse(await ask('GET', where)),
        post: async (where, body) => JSON.parse(await ask('POST', where, body)),
        metric: async name => Number(new RegExp(`^cardwright_${name} (.*)$`, 'm').exec(await ask('GET', '/metrics'))[1]),
    };
    await until('cardwright serve answers', () => server.get('/health').catch(() => null), 60);
    return server;
}

/** Two texts, and where they begin to differ. */
export function difference(ours, theirs) {
    let at = 0;
    while (at < ours.length && ours[at] === theirs[at]) at += 1;
    const near = text => JSON.stringify(text.slice(Math.max(0, at - 60), at + 60));
    return `they differ at character ${at} (${ours.length} and ${theirs.length} long)\nours:   ${near(ours)}\ntheirs: ${near(theirs)}`;
}
