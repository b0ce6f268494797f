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
        let main = await reader.page.textContent('main')
        assert.match(main, /corrected for their number \(Benjamini–Hochberg, q 0\.1\)/)
        assert.match(main, /Raw/)
        // Providers with few sessions are in every world, if not in every hour of it.
        for (const path of ['/league?range=1h', '/league?range=7d', '/provider?range=1h', '/place?range=1h']) {
            await reader.goto(path)
            main += await reader.page.textContent('main')
        }
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
        // Hours of the week are kept for 30 days.
        await reader.goto(`/place?range=90d&country=${failing.country}`)
        assert.equal(await reader.page.getByText('This question cannot be answered').count(), 0)
        await reader.page.getByText('Hours of the week need a range of one to thirty days').waitFor()
        await reader.close('the parts of pages')
    },

    async 'a finding leads to the questions about it'({ browser, base, failing }) {
        const reader = await Reader.open(browser, base)
        const within = { country: failing.country, provider: failing.provider }
        const questions = reader.page.getByRole('list', { name: 'Start from a question' })
        for (const [question, dimension] of [
            [/^Is it their Wi-Fi or us here/, 'network_type'],
            [/^Did \S+ make it worse than \S+ here/, 'client_version'],
        ]) {
            await reader.goto(addresses(failing).provider)
            await questions.getByRole('link', { name: question }).click()
            await reader.settled()
            const query = new URL(reader.page.url()).searchParams
            for (const [name, value] of Object.entries(within)) assert.equal(query.get(name), value, 'the provider stays')
            assert.ok(query.get(`a.${dimension}`) && query.get(`b.${dimension}`) && query.get(`a.${dimension}`) !== query.get(`b.${dimension}`))
            assert.match(await reader.page.textContent('.verdict'), /(worse|better) than|No evidence of a difference|Cannot tell/)
            const edges = await reader.page.getByText('Or is it us?').count()
            assert.equal(edges, dimension === 'network_type' ? 1 : 0)
        }
        // A release may be worse in one app alone.
        const apps = reader.page.locator('section[aria-labelledby="apps-title"] tbody tr')
        assert.ok((await apps.count()) > 1)
        for (const app of await apps.all()) assert.match(await app.textContent(), /better|worse|no evidence|cannot tell/)
        await reader.close('the questions')
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
}
