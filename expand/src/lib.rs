//! Readers of recordings and delta formats: rtcstats and webrtc-internals dumps, getStats()
//! reports, ObserveRTC samples, callstats.io bodies, Isobar's own envelopes. They produce
//! self-contained records for the raw topic. No file, network or clock is used.

#![cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_types))]

pub mod budget;
mod callstats;
mod canonical;
mod client_sample;
pub mod document;
pub mod envelope;
mod getstats;
mod internals;
mod numbered;
mod observertc;
pub mod outcome;
mod protobuf;
pub mod raw;
pub mod recording;
mod rtcstats;
pub mod schedule;
mod session;
