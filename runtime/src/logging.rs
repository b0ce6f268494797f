//! The log on standard error.

use service::{HarmlessLines, Log, LogFormat, LogLevel};
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::set_global_default;
use tracing_subscriber::fmt::MakeWriter;

/// Starts logging. Only the first call in a process counts.
pub(crate) fn start(log: &Log) {
    let lines = subscriber(log, || HarmlessLines(std::io::stderr()));
    // It fails if the process has a logger already.
    let _ = set_global_default(lines);
}

/// Returns a subscriber that writes each event as one line to a writer from `writer`.
fn subscriber<W>(log: &Log, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let level = match log.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let lines = tracing_subscriber::fmt()
        .with_max_level(level)
        // Colours are escape sequences, and those of foreign texts are escaped.
        .with_ansi(false)
        .with_writer(writer);
    match log.format {
        LogFormat::Human => Box::new(lines.with_target(false).finish()),
        LogFormat::Json => Box::new(lines.json().flatten_event(true).finish()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// The logged form of a foreign text, as a message, a field shown and a field of
    /// JSON.
    fn logged(format: LogFormat, text: &str) -> String {
        let lines = Lines::default();
        let out = lines.clone();
        let log = Log { format, ..Log::default() };
        let subscriber = subscriber(&log, move || HarmlessLines(out.clone()));
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(reason = %text, quoted = text, "ClickHouse responds {text}");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn foreign_text_is_one_harmless_line_of_the_log() {
        let text = "\x1b]0;t\x07\u{9b}2J\u{202e}x\nERROR all is lost\r";
        for format in [LogFormat::Human, LogFormat::Json] {
            let line = logged(format, text);
            assert_eq!(line.lines().count(), 1, "{line:?}");
            let harmful = |c: &char| c.is_control() || ('\u{2028}'..='\u{202e}').contains(c);
            assert_eq!(line.trim_end_matches('\n').chars().find(harmful), None, "{line:?}");
        }
        let json: serde_json::Value = serde_json::from_str(&logged(LogFormat::Json, text)).unwrap();
        assert_eq!(json["reason"], text);
    }
}
