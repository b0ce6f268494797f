//! Sessions by hour.

use schemas::HourPartial;

use super::*;

const HOUR_US: i64 = 3_600_000_000;
/// A minute's start, µs.
const AT_US: i64 = MINUTE_MS * 1000;

fn hours(run: &mut Run) -> Vec<HourPartial> {
    run.sent(Topic::Hours)
}

#[test]
fn rows_of_hours_are_written_at_the_blocks_end_or_when_no_more_comes() {
    let mut run = Run::new(AggregateSettings::default());
    let mut one = report(1, EventKind::Stats, AT_US);
    one.intervals = vec![audio(AT_US - 9_000_000, AT_US)];
    run.report(0, MINUTE_MS, &one);
    run.tick(5_000, Pace::Live);
    assert_eq!(run.sent::<SessionPartial>(Topic::Sessions).len(), 1);
    assert_eq!(hours(&mut run), [], "the block continues");
    run.tick(6_000, Pace::Idle);
    let rows = hours(&mut run);
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((row.epoch, row.partition, row.block_start, row.upto), (1, 2, 0, 1));
    assert_eq!(row.hour, AT_US.div_euclid(HOUR_US) * 3600);
    assert_eq!((row.app.as_str(), row.participant.as_str(), &*row.edge), ("meet", "p", "fra1"));
    assert_eq!(row.streams[0].measures.observed_us, 9_000_000);
    assert_eq!(run.sent::<BlockAudit>(Topic::Blocks).len(), 1, "the version was audited before");
    run.out.sent.clear();
    run.tick(60_000, Pace::Idle);
    assert!(run.out.sent.is_empty(), "nothing changed");

    one.lineage = lineage(2, 2);
    run.report(1, MINUTE_MS, &one);
    run.tick(65_000, Pace::Live);
    run.out.sent.clear();
    run.report(2, MINUTE_MS + 60_000, &report(3, EventKind::Left, AT_US));
    let rows = hours(&mut run);
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((row.upto, row.streams[0].measures.intervals), (2, 2));
}

#[test]
fn a_block_is_drained_with_its_rows_of_hours() {
    let mut run = Run::new(AggregateSettings::default());
    let mut one = report(1, EventKind::Stats, AT_US);
    one.intervals = vec![audio(AT_US - 9_000_000, AT_US)];
    run.report(0, MINUTE_MS, &one);
    run.tick(5_000, Pace::Live);
    assert!(!run.pipeline.drained(), "rows of hours are unwritten");
    run.pipeline.drain(&mut run.out).unwrap();
    assert!(run.pipeline.drained());
    assert_eq!(hours(&mut run).len(), 1);
}

#[test]
fn a_session_has_a_row_for_each_hour_and_value() {
    let mut run = Run::new(AggregateSettings::default());
    let border = AT_US.div_euclid(HOUR_US) * HOUR_US;
    let mut one = report(1, EventKind::Connected, border);
    one.network_type = "wifi".to_owned();
    one.transport = "udp".to_owned();
    one.place.city = "Bonn".to_owned();
    one.intervals = vec![audio(border - 9, border - 1), audio(border - 1, border + 8)];
    one.intervals[1].interval.direction = Direction::Outbound;
    run.report(0, MINUTE_MS, &one);
    one.lineage = lineage(2, 2);
    one.event = EventKind::Stats;
    one.network_type = "cellular".to_owned();
    run.report(1, MINUTE_MS, &one);
    run.pipeline.drain(&mut run.out).unwrap();
    let rows = hours(&mut run);
    let mut sums = Vec::new();
    for row in &rows {
        assert_eq!((row.transport.as_str(), row.place.city.as_str()), ("udp", "Bonn"));
        for stream in &row.streams {
            let hour = row.hour - border / 1_000_000;
            let Measures { observed_us, setups_attempted, .. } = stream.measures;
            let network_type = row.network_type.as_str();
            sums.push((network_type, hour, stream.direction, observed_us, setups_attempted));
        }
    }
    sums.sort_unstable_by_key(|(network_type, hour, _, observed_us, _)| {
        (*network_type, *hour, *observed_us)
    });
    assert_eq!(
        sums,
        [
            ("cellular", -3600, Direction::Inbound, 8, 0),
            ("cellular", 0, Direction::Outbound, 9, 0),
            ("wifi", -3600, Direction::Inbound, 8, 0),
            ("wifi", 0, Direction::None, 0, 1),
            ("wifi", 0, Direction::Outbound, 9, 0),
        ]
    );
    let cells = run.sent::<CellPartial>(Topic::Cells);
    let of_place = cells.iter().filter(|cell| cell.grouping == "place");
    let observed: i64 = of_place.map(|cell| cell.measures.observed_us).sum();
    assert_eq!(sums.iter().map(|(.., observed_us, _)| observed_us).sum::<i64>(), observed);
}
