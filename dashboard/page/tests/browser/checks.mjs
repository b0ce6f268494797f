// What a reader does on the pages, each check alone.
import assert from 'node:assert/strict'
import { join } from 'node:path'

import { Reader } from './harness.mjs'

/** Addresses of the pages for a world in which one provider of one country fails. */
export const addresses = ({ country, provider }) => ({
    now: '/?range=24h',
    places: '/place?range=24h',
    place: `/place?range=7d&country=${country}`,
    provider: `/provider?range=7d&country=${country}&provider=${encodeURIComponent(provider)}`,
    league: `/league?range=24h&country=${country}`,
    compare: '/compare?range=24h&a.network_type=wifi&b.network_type=ethernet',
})

export const checks = {
    /** Each page in light and dark: figures, no errors, nothing serious, a screenshot. */
    async 'every page, light and dark'({ browser, base, failing, shots }) {
        for (const colorScheme of ['light', 'dark']) {
            for (const [name, path] of Object.entries(addresses(failing))) {
                const reader = await Reader.open(browser, base, { colorScheme })
                await reader.goto(path)
                assert.ok((await reader.figures()).length > 3, `${name} has figures`)
                await reader.nothingSerious(`${name}, ${colorScheme}`)
                await reader.page.screenshot({ path: join(shots, `${name}-${colorScheme}.png`), fullPage: true })
                await reader.close(name)
            }
        }
    },

    async 'from Now to the failing provider in three clicks'({ browser, base, failing }) {
        const reader = await Reader.open(browser, base)
        await reader.goto('/?range=24h')
        let clicks = 0
        const click = async (locator) => {
            await locator.click()
            clicks += 1
            await reader.settled()
        }
        await click(reader.page.getByRole('link', { name: /^Which providers are worst/ }))
        await click(reader.page.locator('tbody th a').first())
        assert.ok(clicks <= 3)
        assert.match(await reader.page.textContent('h1'), new RegExp(failing.provider))
        const query = new URL(reader.page.url()).searchParams
        assert.deepEqual([query.get('provider'), query.get('country')], [failing.provider, failing.country])
        await reader.close('the way to the provider')
    },

    async 'every page is reached by clicking, and back again'({ browser, base }) {
        const reader = await Reader.open(browser, base)
        await reader.goto('/?range=24h&kind=audio')
        for (const [link, title] of [['Places', /Places|World/], ['Providers', /Providers/], ['League', /League/], ['Compare', /Compare/], ['Now', /now/]]) {
            await reader.page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: link, exact: true }).click()
            await reader.settled()
            assert.match(await reader.page.textContent('h1'), title)
            assert.match(reader.page.url(), /kind=audio/, 'the filter stays')
        }
        await reader.page.goBack()
        await reader.settled()
        assert.match(await reader.page.textContent('h1'), /Compare/)
        await reader.close('navigation')
    },

    async 'a shared link opens to the same figures'({ browser, base, failing }) {
        for (const path of [addresses(failing).league, addresses(failing).provider]) {
            const reader = await Reader.open(browser, base)
            await reader.goto(path)
            const figures = await reader.figures()
            await reader.page.getByRole('button', { name: 'Share', exact: true }).click()
            const link = await reader.page.getByLabel('Link to these figures, with fixed times').inputValue()
            assert.match(link, /from=.*to=/)
            await reader.close('sharing')
            const other = await Reader.open(browser, base)
            await other.goto(link)
            assert.deepEqual(await other.figures(), figures)
            await other.close('the shared link')
        }
    },

    async 'filters work by keyboard alone'({ browser, base, failing }) {
        const reader = await Reader.open(browser, base)
        await reader.goto('/?range=24h')
        await reader.page.keyboard.press('Tab')
        assert.match(await reader.page.evaluate(() => document.activeElement.textContent), /Skip to the figures/)
        const button = reader.page.getByRole('button', { name: 'Country: any' })
        await button.focus()
        await reader.page.keyboard.press('Enter')
        await reader.page.getByRole('combobox', { name: 'Find a country' }).waitFor()
        await reader.settled()
        await reader.page.keyboard.type(new Intl.DisplayNames('en', { type: 'region' }).of(failing.country).slice(0, 4))
        await reader.nothingSerious('the open filter')
        await reader.page.keyboard.press('Enter')
        await reader.settled()
        assert.equal(new URL(reader.page.url()).searchParams.get('country'), failing.country)
        await reader.page.getByRole('button', { name: 'Provider: any' }).focus()
        await reader.page.keyboard.press('Enter')
        await reader.page.keyboard.press('Escape')
        assert.equal(await reader.page.locator('[role="combobox"]').count(), 0, 'Escape closes')
        await reader.close('the filters')
    },

    async 'a table stands behind every picture'({ browser, base, failing }) {
        const reader = await Reader.open(browser, base)
        for (const path of Object.values(addresses(failing))) {
            await reader.goto(path)
            const [pictures, tables] = await reader.page.evaluate(() => [
                document.querySelectorAll('[role="img"]').length,
                [...document.querySelectorAll('details.picture-table')].filter((table) => table.querySelectorAll('tbody tr').length > 0).length,
            ])
            assert.equal(tables, pictures, path)
        }
        await reader.close('the tables')
    },

    async 'help and weights are one click away'({ browser, base, failing }) {
        const reader = await Reader.open(browser, base)
        await reader.goto(addresses(failing).league)
        await reader.page.getByRole('button', { name: 'Weights' }).first().click()
        assert.match(await reader.page.getByRole('dialog').textContent(), /same mix of/)
        await reader.nothingSerious('the weights')
        await reader.page.keyboard.press('Escape')
        await reader.page.getByRole('button', { name: 'How to read this' }).click()
        assert.match(await reader.page.getByRole('dialog').textContent(), /Benjamini–Hochberg/)
        await reader.close('the help')
    },

    async 'values with quotes, SQL and HTML do no harm'({ browser, base }) {
        const reader = await Reader.open(browser, base)
        const odd = `'; DROP TABLE cells; --"><img src=x onerror=alert(1)><script>alert(2)</script>`
        for (const page of ['', 'place', 'provider', 'league', 'compare']) {
            await reader.goto(`/${page}?range=24h&country=${encodeURIComponent(odd)}&provider=${encodeURIComponent(odd)}&a.edge=${encodeURIComponent(odd)}`)
            assert.equal(await reader.page.locator('main img, main script').count(), 0)
        }
        assert.match(await reader.page.textContent('main'), /DROP TABLE/, 'it is shown as text')
        await reader.close('odd values', { allow: [/status of 4\d\d/] })
    },

    async 'small screens do not scroll sideways, and paper shows no controls'({ browser, base, failing }) {
        const reader = await Reader.open(browser, base, { viewport: { width: 390, height: 800 } })
        for (const path of Object.values(addresses(failing))) {
            await reader.goto(path)
            assert.ok(await reader.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), path)
            await reader.nothingSerious(`${path} on a small screen`)
        }
        await reader.page.emulateMedia({ media: 'print' })
        assert.equal(await reader.page.getByRole('group', { name: 'Filters' }).isVisible(), false)
        assert.equal(await reader.page.locator('h1').isVisible(), true)
        await reader.close('small screens')
    },

    async 'the reader may choose dark or light'({ browser, base }) {
        const reader = await Reader.open(browser, base)
        await reader.goto('/?range=24h')
        const ground = () => reader.page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
        const light = await ground()
        await reader.page.getByRole('button', { name: 'Dark colours' }).click()
        assert.notEqual(await ground(), light)
        await reader.page.reload()
        await reader.settled()
        assert.notEqual(await ground(), light, 'the choice stays')
        await reader.close('the colours')
    },
}
