// SillyTavern's own readers and writers of character cards, as a command.
//
//     node tests/interop/cards.mjs read CARD...             one line of JSON per file: its name, spec and card
//     node tests/interop/cards.mjs write IMAGE JSON OUT     puts a card into a PNG
//     node tests/interop/cards.mjs files ARCHIVE            the sizes of the pictures it takes out of a CHARX or BYAF
//     node tests/interop/cards.mjs compare ONE OTHER       two card JSON files: the same card?
//
// SILLYTAVERN_DIR names the installed package.

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

const root = path.resolve(process.env.SILLYTAVERN_DIR ?? 'node_modules/sillytavern');
const yaml = createRequire(path.join(root, 'package.json'))('yaml');
const load = file => import(pathToFileURL(path.join(root, 'src', file)).href);
const print = value => process.stdout.write(JSON.stringify(value) + '\n');
// Its readers talk on standard output.
for (const level of ['log', 'info', 'warn', 'debug']) console[level] = () => {};

/** The card in a file, as SillyTavern sees it. */
async function read(file) {
    const bytes = readFileSync(file);
    switch (path.extname(file).toLowerCase()) {
        case '.png':
            return JSON.parse((await load('character-card-parser.js')).read(bytes));
        // It looks for the archive behind a picture itself.
        case '.charx':
        case '.jpeg':
            return (await charx(bytes)).card;
        case '.byaf':
            return (await new (await load('byaf.js')).ByafParser(bytes).parse()).card;
        // Its importer takes these three fields out of what its YAML library reads.
        case '.yaml': {
            const { name, greeting, context } = yaml.parse(bytes.toString('utf8'));
            return { name, description: context, first_mes: greeting };
        }
        default:
            return JSON.parse(bytes.toString('utf8'));
    }
}

const charx = async bytes => new (await load('charx.js')).CharXParser(bytes).parse();

/** The picture and files SillyTavern takes out of an archive. */
async function files(file) {
    const bytes = readFileSync(file);
    if (path.extname(file) === '.byaf') {
        const { images } = await new (await load('byaf.js')).ByafParser(bytes).parse();
        return images.map(image => image.image.length);
    }
    const { avatar, extractedBuffers } = await charx(bytes);
    return [avatar.length, ...[...extractedBuffers.values()].map(buffer => buffer.length)];
}

/** What has to survive: the texts, and each lorebook entry. */
function essence(card) {
    const data = card.data ?? card;
    const entries = data.character_book?.entries ?? [];
    return {
        name: data.name ?? '',
        description: data.description ?? '',
        personality: data.personality ?? '',
        scenario: data.scenario ?? '',
        greeting: data.first_mes ?? '',
        others: data.alternate_greetings ?? [],
        examples: data.mes_example ?? '',
        lorebook: entries.map(entry => ({ keys: entry.keys ?? [], content: entry.content ?? '' })),
    };
}

const [verb, ...named] = process.argv.slice(2);
const paths = named.map(file => path.resolve(file));
// It reads its default picture from where it is installed.
process.chdir(root);
switch (verb) {
    case 'read':
        for (const file of paths) {
            const card = await read(file);
            print({ file: path.basename(file), spec: card.spec ?? 'chara_card_v1', name: essence(card).name, card });
        }
        break;
    case 'write': {
        const [image, json, out] = paths;
        const { write } = await load('character-card-parser.js');
        writeFileSync(out, write(readFileSync(image), readFileSync(json, 'utf8')));
        break;
    }
    case 'files':
        print(await files(paths[0]));
        break;
    case 'compare': {
        const [one, other] = paths.map(file => {
            const json = JSON.parse(readFileSync(file, 'utf8'));
            // What `read` printed has the card inside.
            return essence(json.file ? json.card : json);
        });
        const differ = Object.keys(one).filter(key => JSON.stringify(one[key]) !== JSON.stringify(other[key]));
        if (differ.length) process.stdout.write(`differ in ${differ.join(', ')}\n`);
        process.exit(differ.length ? 1 : 0);
        break;
    }
    default:
        process.stderr.write('say `read`, `write`, `files` or `compare`\n');
        process.exit(2);
}
