// Two judges that have nothing to do with casehub: Ajv for JSON Schema, the AsyncAPI initiative's parser for AsyncAPI.
//
//   node judge.mjs events FOLDER    lines {"schema": FILE, "event": {...}} in, {"valid": bool, "why": text} out
//   node judge.mjs asyncapi FILE    what is wrong with the document, one JSON object a line
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const ERROR = 0; // of a diagnostic; what is above is a hint

function say(line) {
    process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function judgeEvents(folder) {
    // Strict: a word that JSON Schema 2020-12 does not know ends it.
    const ajv = addFormats.default(new Ajv.default({ strict: true, allowUnionTypes: true }));
    const judges = new Map();
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.schema.json'))) {
        judges.set(file, ajv.compile(JSON.parse(readFileSync(join(folder, file), 'utf8'))));
    }
    for await (const line of createInterface({ input: process.stdin })) {
        const { schema, event } = JSON.parse(line);
        const judge = judges.get(schema);
        say({ valid: judge(event), why: ajv.errorsText(judge.errors) });
    }
}

async function judgeDocument(file) {
    const { Parser } = await import('@asyncapi/parser'); // large: only for whoever needs it
    const { document, diagnostics } = await new Parser().parse(readFileSync(file, 'utf8'));
    const wrong = diagnostics.filter((one) => one.severity === ERROR);
    wrong.forEach(({ code, message, path }) => say({ error: message, code, path }));
    if (document !== undefined) {
        say({ channels: document.channels().all().map((channel) => channel.address()) });
        say({ operations: document.operations().all().map((one) => [one.id(), one.action()]) });
    }
}

const [what, place] = process.argv.slice(2);
await (what === 'events' ? judgeEvents(place) : judgeDocument(place));
