// Our server beside llama-server: the same model, flags and prompts, one after the other on the same machine.
//
//     node tests/load/load.mjs CARDWRIGHT LLAMA_SERVER MODEL.gguf [--clients 1,4,16] [--prefix shared,own] [--repeats 1]
//
// Every client sends its requests one after the other to `/v1/completions` and reads the stream. Printed are tokens a second
// over all clients and the time to the first token, median and 95th percentile, with the ratio of ours to theirs: the median
// of the ratios of neighbouring runs, for a machine that is faster in one minute than in the next.

import { spawn } from 'node:child_process';

import { freePort, until } from '../e2e/tools.mjs';

const [ours, theirs, model, ...rest] = process.argv.slice(2);
const option = (name, otherwise) => (rest.includes(`--${name}`) ? rest[rest.indexOf(`--${name}`) + 1] : otherwise);
const clientCounts = option('clients', '1,4,16').split(',').map(Number);
const prefixes = option('prefix', 'shared,own').split(',');
const repeats = Number(option('repeats', '1'));
const threads = option('threads', '2');
const TOKENS = Number(option('tokens', '48'));
const CONTEXT = 1024;
const SLOTS = 16;
/** Longer than any request takes: who is silent for so long hangs. */
const PATIENCE_MS = 120_000;

const WORDS = 'lamp harbour keeper storm window letter garden winter engine copper violin market shadow river lantern bread clock'.split(' ');
/** A text of so many words, the same for the same seed. */
function words(seed, count) {
    let state = seed * 2654435761 % 4294967296;
    return Array.from({ length: count }, () => {
        state = (state * 1664525 + 1013904223) % 4294967296;
        return WORDS[Math.floor(state / 4294967296 * WORDS.length)];
    }).join(' ');
}
/** About 200 tokens, of which all but the last 30 are the same for everybody where the prefix is shared. */
const prompt = (shared, number) => (shared ? `${words(1, 150)} ${words(number + 1000, 25)}` : words(number + 1000, 175));

async function run(which, shared, clients) {
    const port = await freePort();
    const [command, args] = which === 'ours'
        ? [ours, ['serve', '--port', port, '--model', model, '--threads', threads, '--parallel', SLOTS, '--ctx', CONTEXT, '--no-adapter']]
        : [theirs, ['--port', port, '-m', model, '-t', threads, '-np', SLOTS, '-c', SLOTS * CONTEXT, '--no-webui']];
    const child = spawn(command, args.map(String), { stdio: 'ignore' });
    const base = `http://127.0.0.1:${port}`;
    try {
        await until(`${which} answers`, () => {
            if (child.exitCode !== null) throw new Error(`${which} does not start`);
            return fetch(`${base}/health`).then(response => response.ok, () => false);
        }, 30);
        const firsts = [];
        let tokens = 0;
        const one = async (number, warm) => {
            const begun = performance.now();
            const ask = () => fetch(`${base}/v1/completions`, {
                method: 'POST',
                signal: AbortSignal.timeout(PATIENCE_MS),
                headers: { 'content-type': 'application/json' },
                body: JSON.stringify({ prompt: prompt(shared, number), max_tokens: TOKENS, temperature: 0, ignore_eos: true, repeat_penalty: 1, tfs: 1, stream: true, stream_options: { include_usage: true }, seed: 1 }),
            });
            let response;
            for (let tries = 1; response === undefined; tries += 1) {
                response = await ask().catch(error => {
                    // Now and then llama-server closes connections just when it is asked again on them.
                    if (which === 'ours' || error.cause?.code !== 'UND_ERR_SOCKET' || tries === 4) throw error;
                });
            }
            if (!response.ok) throw new Error(`${which}: ${response.status} ${await response.text()}`);
            let first = null;
            let rest = '';
            const decoder = new TextDecoder();
            for await (const chunk of response.body) {
                rest += decoder.decode(chunk, { stream: true });
                const lines = rest.split('\n');
                rest = lines.pop();
                for (const line of lines) {
                    if (!line.startsWith('data: {')) continue;
                    const event = JSON.parse(line.slice(6));
                    if (first === null && event.choices?.[0]?.text) first = performance.now() - begun;
                    if (event.usage && !warm) tokens += event.usage.completion_tokens;
                }
            }
            if (!warm) firsts.push(first);
        };
        await one(999_000, true);
        const each = clients === 1 ? 10 : clients === 4 ? 5 : 3;
        const begun = performance.now();
        await Promise.all(Array.from({ length: clients }, async (_, client) => {
            for (let at = 0; at < each; at += 1) await one(client * 100 + at, false);
        }));
        const seconds = (performance.now() - begun) / 1000;
        firsts.sort((a, b) => a - b);
        const quantile = share => firsts[Math.min(firsts.length - 1, Math.ceil(firsts.length * share) - 1)];
        return { rate: tokens / seconds, median: quantile(0.5), late: quantile(0.95) };
    } catch (cause) {
        throw new Error(`${which} failed a client`, { cause });
    } finally {
        child.kill('SIGTERM');
        const hangs = setTimeout(() => child.kill('SIGKILL'), 10_000);
        if (child.exitCode === null && child.signalCode === null) await new Promise(resolve => child.on('exit', resolve));
        clearTimeout(hangs);
    }
}

/** A run that is measured anew where llama-server hangs, as it does now and then with many clients. */
async function measure(which, shared, clients) {
    for (let tries = 1; ; tries += 1) {
        try {
            return await run(which, shared, clients);
        } catch (error) {
            if (which === 'ours' || error.cause?.name !== 'TimeoutError' || tries === 3) throw error;
            console.error(`llama-server said nothing for ${PATIENCE_MS / 1000} s and is started anew`);
        }
    }
}

const middle = list => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
console.log('prefix  clients |    t/s ours  theirs  ratio | median ms ours  theirs  ratio | p95 ms ours  theirs  ratio');
for (const prefix of prefixes) {
    for (const clients of clientCounts) {
        const results = { ours: [], theirs: [] };
        for (let at = 0; at < repeats; at += 1) {
            for (const which of at % 2 === 0 ? ['ours', 'theirs'] : ['theirs', 'ours']) results[which].push(await measure(which, prefix === 'shared', clients));
        }
        const cells = ['rate', 'median', 'late'].map(figure => {
            const [a, b] = ['ours', 'theirs'].map(which => results[which].map(result => result[figure]));
            const ratio = middle(a.map((value, at) => value / b[at]));
            return `${middle(a).toFixed(0).padStart(11)} ${middle(b).toFixed(0).padStart(7)} ${ratio.toFixed(2).padStart(6)}`;
        });
        console.log(`${prefix.padEnd(7)} ${String(clients).padStart(7)} | ${cells[0]} |    ${cells[1]} | ${cells[2]}`);
    }
}
