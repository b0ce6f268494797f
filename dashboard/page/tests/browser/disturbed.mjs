// What readers see while the pipeline or the database is disturbed, each check alone.
import assert from 'node:assert/strict'

import { Reader } from './harness.mjs'

export const disturbing = {
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

    async 'a lag is red and says what lags'({ browser, base, control }) {
        if (!control?.late) return 'needs a pipeline that can be made to lag'
        await control.late()
        const reader = await Reader.open(browser, base)
        await reader.goto('/?range=24h')
        await reader.page.locator('.fresh.late').waitFor({ timeout: 60_000 })
        assert.match(await reader.page.textContent('.fresh'), /Behind.*(records behind|does not answer)/s)
        await reader.nothingSerious('a lag')
        await control.well()
        await reader.page.locator('.fresh:not(.late)').waitFor({ timeout: 60_000 })
        return reader.close('the lag')
    },

    async 'ClickHouse gone is said, and figures come back by themselves'({ browser, base, control }) {
        if (!control?.gone) return 'needs a ClickHouse that can be stopped'
        const reader = await Reader.open(browser, base)
        await reader.goto('/?range=24h')
        await control.gone()
        await reader.page.getByRole('button', { name: '7 days' }).click()
        await reader.page.getByText('The database does not answer').first().waitFor({ timeout: 60_000 })
        assert.match(await reader.page.textContent('[role="alert"]'), /Trying again/)
        await reader.nothingSerious('ClickHouse gone')
        await control.well()
        await reader.page.locator('[role="alert"]').first().waitFor({ state: 'detached', timeout: 120_000 })
        await reader.settled()
        assert.ok((await reader.figures()).length > 3)
        return reader.close('the outage', { allow: [/status of 503/, /ERR_/] })
    },
}
