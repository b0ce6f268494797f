//! `isobar send`, as used by integrators.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::Turn;

#[tokio::test]
async fn the_envelope_page_example_works_as_pasted() {
    let turn = Turn::take();
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/envelope.md");
    let page = fs::read_to_string(page).unwrap();
    let example = page.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let file = turn.folder.path().join("envelope.json");
    fs::write(&file, example).unwrap();
    let pipeline = turn.pipeline().await;

    let mut send = Command::new(env!("CARGO_BIN_EXE_isobar"));
    send.arg("send").arg(&file).args(["--kafka", &pipeline.stack.brokers()]);
    let sent = send.output().unwrap();
    let printed = String::from_utf8([sent.stdout, sent.stderr].concat()).unwrap();
    assert!(sent.status.success(), "{printed}");
    for words in ["times moved by", "1 event of 1 session sent", "call IN ('standup-0423')"] {
        assert!(printed.contains(words), "{words:?} is not in\n{printed}");
    }
    let client = pipeline.stack.access().client("dashboard");
    // A first snapshot has no predecessor, but its session is visible.
    let first = session(&client, "ann-1").await;
    assert_eq!(first, ("standup-0423".to_owned(), "fra1".to_owned(), "Firefox".to_owned(), 0, 0));

    // The same applies to a single event.
    let joined = r#"{"v": 1, "event": "joined", "app": "meet", "call": "standup-0423",
                     "participant": "bob-1", "timestamp": 1756000010000}"#;
    fs::write(&file, joined).unwrap();
    assert!(send.output().unwrap().status.success());
    assert_eq!(session(&client, "bob-1").await.4, 1);
}

/// Returns call, edge, browser, intervals and joined events of a participant, once they are
/// visible.
async fn session(
    client: &clickhouse::Client,
    participant: &str,
) -> (String, String, String, i64, i64) {
    let query = "SELECT call, edge, browser, intervals, joined FROM sessions WHERE participant = ?";
    let sent = Instant::now();
    loop {
        let row = client.query(query).bind(participant).fetch_optional().await.unwrap();
        let waited = sent.elapsed();
        if let Some(row) = row {
            println!("{participant} was there after {waited:.1?}");
            return row;
        }
        assert!(waited < Duration::from_secs(30), "{participant} is not in sessions");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
