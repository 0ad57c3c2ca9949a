// Reads or writes every PNG card of a folder with one library and prints what that took, as JSON:
//
//     node cards.mjs sillytavern|lenml|sillytavern-write FOLDER COUNT
//
// SILLYTAVERN_DIR names SillyTavern's package, PEERS_DIR a folder with node_modules.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [library, folder, count] = process.argv.slice(2);
const files = fs.readdirSync(folder).filter((name) => name.endsWith('.png')).sort().slice(0, Number(count));
const load = (...parts) => import(pathToFileURL(path.join(...parts)));

async function reader() {
    if (library === 'lenml') {
        const { CharacterCard } = await load(process.env.PEERS_DIR, 'node_modules/@lenml/char-card-reader/dist/main.mjs');
        return async (file) => (await CharacterCard.from_file(fs.readFileSync(file))).name;
    }
    const { parse } = await load(process.env.SILLYTAVERN_DIR, 'src/character-card-parser.js');
    return async (file) => JSON.parse(await parse(file, 'png')).data.name;
}

let failed = 0;
let seconds = 0;
if (library === 'sillytavern-write') {
    const { read, write } = await load(process.env.SILLYTAVERN_DIR, 'src/character-card-parser.js');
    for (const name of files) {
        const image = fs.readFileSync(path.join(folder, name));
        const card = read(image);
        const begin = process.hrtime.bigint();
        const written = write(image, card);
        seconds += Number(process.hrtime.bigint() - begin) / 1e9;
        failed += written.length > card.length ? 0 : 1;
    }
} else {
    const read = await reader();
    const begin = process.hrtime.bigint();
    for (const name of files) {
        try {
            const said = await read(path.join(folder, name));
            failed += said === name.slice(0, -4) ? 0 : 1;
        } catch {
            failed += 1;
        }
    }
    seconds = Number(process.hrtime.bigint() - begin) / 1e9;
}
console.log(JSON.stringify({ cards: files.length, failed, seconds }));
