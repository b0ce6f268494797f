// What each page has to say, beside its figures.
import assert from 'node:assert/strict'

import { addresses } from './checks.mjs'
import { Reader } from './harness.mjs'

export const contentChecks = {
    async 'ranks are ranges, and a page says what it is sure of'({ browser, base }) {
        const reader = await Reader.open(browser, base)
        await reader.goto('/league?range=24h')
        const ranks = await reader.page.$$eval('tbody .rank', (cells) => cells.map((cell) => cell.textContent.trim()))
        assert.ok(ranks.some((rank) => /^\d+–\d+$/.test(rank)), `a range among ${ranks}`)
        const main = await reader.page.textContent('main')
        assert.match(main, /corrected for their number \(Benjamini–Hochberg, q 0\.1\)/)
        assert.match(main, /Raw/)
        assert.match(main, /cannot tell yet: needs about [\d,]+ sessions/)
        await reader.close('the league')
    },

    async 'a place and a provider have trend, week, details and neighbours'({ browser, base, failing }) {
        const reader = await Reader.open(browser, base)
        const both = ['median and 95th percentile', 'by hour and weekday', 'Network type', 'Edge', 'Browser', 'App version']
        const paths = addresses(failing)
        for (const [path, titles] of [
            [paths.place, [...both, 'Regions', 'Cities', 'Providers here', 'Countries nearby']],
            [paths.provider, [...both, 'Other providers in']],
            [paths.compare, ['Every measure', 'Distribution of']],
        ]) {
            await reader.goto(path)
            const found = await reader.page.$$eval('main :is(h2, h3)', (all) => all.map((one) => one.textContent))
            for (const title of titles) assert.ok(found.some((text) => text.includes(title)), `${title} on ${path}: ${found.join(', ')}`)
        }
        await reader.page.locator('main [role="img"]').first().waitFor()
        await reader.close('the parts of pages')
    },

    async 'times are those of the reader, with UTC beside'({ browser, base, failing }) {
        const reader = await Reader.open(browser, base)
        for (const path of Object.values(addresses(failing))) {
            await reader.goto(path)
            assert.match(await reader.page.textContent('.when'), /\((GMT\+[12]|CES?T)\).* UTC/s, path)
        }
        await reader.close('the times')
    },

    async 'an open limit of a change is said'({ browser, base, failing }) {
        const reader = await Reader.open(browser, base)
        for (const path of Object.values(addresses(failing))) {
            await reader.goto(path)
            const intervals = await reader.page.$$eval('.change .interval', (all) => all.map((one) => one.textContent))
            assert.deepEqual(intervals.filter((text) => text.includes('(–)')), [], path)
        }
        await reader.close('the changes')
    },

    async 'without events the page says since when, and is not red'({ browser, base, control }) {
        // A simulated history ends, and a world behind the mock server is made to.
        await control?.idle?.()
        const reader = await Reader.open(browser, base)
        await reader.goto('/?range=24h')
        await reader.page.locator('.fresh.idle').waitFor({ timeout: 120_000 })
        assert.match(await reader.page.textContent('.fresh'), /No events since \d\d:\d\d/)
        assert.equal(await reader.page.locator('.fresh.late').count(), 0)
        await reader.nothingSerious('a pause')
        await control?.well?.()
        return reader.close('the pause')
    },
}
