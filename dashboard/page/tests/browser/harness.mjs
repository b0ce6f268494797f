// A browser on the pages, and what holds on every page: no console errors, no other host, nothing serious for axe.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** Longest wait for the figures of a page: roll-ups may be built meanwhile, on cores that do other things as well. */
const PATIENCE_MS = 120_000
/** What a browser prints when the service is busy: too many queries at once, or a query that took too long. */
const BUSY = /status of (429|504)/
const LOADING = '[role="status"][aria-label="Loading"]'

/** Starts Debian's chromium, or the program in ISOBAR_CHROMIUM. */
export function launch() {
    return chromium.launch({
        executablePath: process.env.ISOBAR_CHROMIUM ?? '/usr/bin/chromium',
        // Chromium's sandbox needs a user other than root, as a container has it.
        args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    })
}

/** A reader with a tab of their own, in a zone that is not UTC. */
export class Reader {
    static async open(browser, base, options = {}) {
        const context = await browser.newContext({
            colorScheme: 'light',
            viewport: { width: 1360, height: 900 },
            timezoneId: 'Europe/Berlin',
            locale: 'en-GB',
            reducedMotion: 'reduce',
            ...options,
        })
        const reader = new Reader()
        Object.assign(reader, { base, context, page: await context.newPage(), errors: [], hosts: new Set(), dialogs: 0 })
        reader.page.on('console', (message) => message.type() === 'error' && reader.errors.push(message.text()))
        reader.page.on('pageerror', (error) => reader.errors.push(error.message))
        reader.page.on('dialog', (dialog) => ((reader.dialogs += 1), dialog.dismiss()))
        context.on('request', (request) => reader.hosts.add(new URL(request.url()).origin))
        return reader
    }

    /** Opens an address of the pages and waits for its figures. */
    async goto(path) {
        await this.page.goto(new URL(path, this.base).href)
        await this.settled()
    }

    async settled() {
        await this.page.waitForSelector('h1')
        // A service that is busy refuses for a while, and the page asks again by itself.
        const settled = (loading) =>
            !document.querySelector(loading) && ![...document.querySelectorAll('[role="alert"]')].some((alert) => alert.textContent.includes('Trying again'))
        await this.page.waitForFunction(settled, LOADING, { timeout: PATIENCE_MS })
        // The map comes after its rows.
        await this.page.waitForTimeout(250)
    }

    /** The printed figures of the page, in order. */
    figures() {
        return this.page.$$eval('main data', (all) => all.map((one) => `${one.textContent} ${one.getAttribute('value')}`))
    }

    async nothingSerious(where) {
        await this.page.evaluate(AXE)
        const { violations } = await this.page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
        const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
        const found = serious.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} (${node.any[0]?.message ?? ''})`).join(' | ')}`)
        assert.deepEqual(found, [], `axe on ${where}`)
    }

    /** Ends the visit. */
    async close(where, { allow = [] } = {}) {
        const errors = this.errors.filter((error) => ![BUSY, ...allow].some((pattern) => pattern.test(error)))
        assert.deepEqual(errors, [], `console errors on ${where}`)
        assert.deepEqual([...this.hosts].filter((host) => host !== new URL(this.base).origin), [], `other hosts on ${where}`)
        assert.equal(this.dialogs, 0, `dialogs on ${where}`)
        await this.context.close()
    }
}
