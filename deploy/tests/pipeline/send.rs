//! `isobar send`, as an integrator uses it first.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::Turn;

#[tokio::test]
async fn the_example_of_the_page_on_envelopes_works_as_pasted() {
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
    let said = String::from_utf8([sent.stdout, sent.stderr].concat()).unwrap();
    assert!(sent.status.success(), "{said}");
    for words in ["times moved by", "1 event of 1 session sent", "call IN ('standup-0423')"] {
        assert!(said.contains(words), "{words:?} is not in\n{said}");
    }
    let client = pipeline.stack.access().client("dashboard");
    let accepted = "SELECT sum(accepted) - sum(invalid + late) FROM blocks FINAL";
    let patience = Instant::now() + Duration::from_secs(60);
    while client.query(accepted).fetch_one::<i64>().await.unwrap() != 1 {
        assert!(Instant::now() < patience, "it was not accepted");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
