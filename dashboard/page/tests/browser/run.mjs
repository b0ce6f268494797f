// Clicks through the pages in a real browser.
//
//   node tests/browser/run.mjs                         against the mock server, with dist/ as built
//   node tests/browser/run.mjs --base http://HOST:PORT against a service that runs
//     --country BR --provider 'Vento Telecom'          the provider that fails there
//     --expected FILE                                  figures of the truth, as cli/tests/pipeline/dashboard/truth.rs writes them
//     --shots FOLDER                                   where screenshots go
//     --gone CMD --well CMD --late CMD                 shell commands that stop ClickHouse, start it, let the pipeline lag
//     --only TEXT                                      checks whose name has the text
import { execSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { start } from '../mock/server.mjs'
import { FAILING } from '../mock/world.mjs'
import { checks } from './checks.mjs'
import { contentChecks } from './content.mjs'
import { disturbing } from './disturbed.mjs'
import { figureChecks } from './figures.mjs'
import { launch } from './harness.mjs'

/** Readers at once. */
const READERS = 2

const text = { type: 'string' }
const { values } = parseArgs({ options: { base: text, country: text, provider: text, shots: text, expected: text, gone: text, well: text, late: text, only: text } })

const mock = values.base === undefined ? await start() : null
const base = values.base ?? `http://127.0.0.1:${mock.address().port}`
const shots = values.shots ?? fileURLToPath(new URL('shots', import.meta.url))
mkdirSync(shots, { recursive: true })

/** How the world behind the pages is disturbed. */
function control() {
    if (mock) {
        const set = (state) => () => fetch(`${base}/mock?state=${state}`)
        return { gone: set('gone'), late: set('late'), idle: set('idle'), well: set('well') }
    }
    const commands = ['gone', 'late', 'well'].filter((name) => values[name] !== undefined)
    return Object.fromEntries(commands.map((name) => [name, async () => void execSync(values[name], { stdio: 'inherit' })]))
}

const browser = await launch()
const failing = { country: values.country ?? FAILING.country, provider: values.provider ?? FAILING.provider }
let failed = 0
const chosen = Object.entries({ ...figureChecks, ...checks, ...contentChecks, ...disturbing }).filter(([name]) => name.includes(values.only ?? ''))

async function run([name, check]) {
    const began = Date.now()
    try {
        const skipped = await check({ browser, base, shots, failing, expected: values.expected, control: control() })
        console.log(`${skipped ? 'skipped' : 'ok     '} ${name}${skipped ? `: ${skipped}` : ` (${((Date.now() - began) / 1000).toFixed(1)} s)`}`)
    } catch (error) {
        failed += 1
        await control().well?.()
        console.log(`FAILED  ${name}\n${error.stack}`)
    }
}

// Readers wait most of the time, so several read at once; what disturbs the world comes last and alone.
const waiting = [...chosen].filter(([name]) => !(name in disturbing))
await Promise.all(Array.from({ length: READERS }, async () => {
    while (waiting.length > 0) await run(waiting.shift())
}))
for (const check of chosen.filter(([name]) => name in disturbing)) await run(check)
await browser.close()
mock?.closeAllConnections()
mock?.close()
process.exitCode = failed > 0 ? 1 : 0
