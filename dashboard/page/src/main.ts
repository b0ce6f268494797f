import 'uplot/dist/uPlot.min.css'
import './styles/base.css'
import './styles/charts.css'

import { mount } from 'svelte'

import App from './App.svelte'

const target = document.getElementById('page')
if (!target) throw new Error('index.html has no element #page')
mount(App, { target })
