//! Weeks of calls through the services of `isobar up`.

use std::fs;
use std::process::Command;

use deploy::running::Running;
use nix::sys::signal::Signal;
use stack::Trial;
use stack::retention;

use crate::harness::Turn;
use crate::program::Program;

#[tokio::test]
async fn weeks_are_counted_completely_and_only_the_last_two_days_are_in_samples() {
    let turn = Turn::take();
    let folder = turn.folder.path();
    let isobar = |verb: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isobar"));
        command.args(verb).env("XDG_STATE_HOME", folder);
        command
    };
    let output_of = |mut command: Command| {
        let output = command.output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success(), "{text}");
        text
    };
    let mut up = Program::spawn(isobar(&["up"]), folder.join("up.log"));
    up.wait_for_without_timeout("isobar down");

    let truth = folder.join("history.jsonl");
    let mut simulate = isobar(&["simulate", "--days=20", "--hourly=2", "--scenario=isp-incident"]);
    simulate.arg("--truth").arg(&truth);
    let simulated = output_of(simulate);
    let last = simulated.lines().last().unwrap();
    assert!(last.starts_with("20 days: ") && last.contains(" sessions, "), "{simulated}");

    let access = Running::find_in(&folder.join("isobar")).unwrap().clickhouse;
    let client = access.client("dashboard");
    let oldest = async |table: &str, time: &str| {
        let query = format!("SELECT dateDiff('hour', min({time}), now()) FROM {table}");
        client.query(&query).fetch_one::<i64>().await.unwrap()
    };
    assert!(oldest("cells", "window_start").await >= 19 * 24);
    assert!((40..=48).contains(&oldest("samples", "end_us").await));

    let migrate = access.client("migrate");
    retention::keep(&migrate, Trial::OF_UP.kept_days).await.unwrap();
    let count = async |query: &str| migrate.query(query).fetch_one::<u64>().await.unwrap();
    assert_eq!(count("SELECT count() FROM retention").await, 1, "it is there already");
    let kept = "SELECT count() FROM system.tables WHERE database = 'isobar' AND engine_full";
    assert_eq!(count(&format!("{kept} LIKE '%toIntervalDay(14)%'")).await, 0);
    assert_eq!(count(&format!("{kept} LIKE '%toIntervalDay(30)%'")).await, 0);
    assert!(count(&format!("{kept} LIKE '%TTL % + toIntervalDay(60)%'")).await >= 5);

    let mut verify = isobar(&["verify"]);
    verify.arg("--truth").arg(&truth);
    let verified = output_of(verify);
    assert!(verified.contains(", late 0\n") && verified.contains("; 0 mismatches"), "{verified}");
    // The truth of another world does not match.
    let other = fs::read_to_string(&truth).unwrap().replacen("\"seed\":1,", "\"seed\":2,", 1);
    fs::write(&truth, other).unwrap();
    let mut verify = isobar(&["verify"]);
    let verified = verify.arg("--truth").arg(&truth).output().unwrap();
    let words = String::from_utf8_lossy(&verified.stdout);
    assert!(
        !verified.status.success() && words.contains("accepted: ") && words.contains(", must be "),
        "{words}"
    );
    up.signal(Signal::SIGINT);
    assert_eq!(up.end().0, 0, "{}", up.output());
}
