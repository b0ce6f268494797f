#![allow(clippy::unwrap_used)]

use std::sync::LazyLock;

use super::*;

static DEVICES: LazyLock<Devices> = LazyLock::new(|| Devices::new().unwrap());

#[track_caller]
fn assert_device(user_agent: &str, class: &str, os: &str, browser: &str, version: &str) {
    let device = DEVICES.read(user_agent);
    let found = [&device.class, &device.os, &device.browser, &device.browser_version];
    assert_eq!(found, [class, os, browser, version], "{user_agent}");
}

#[test]
fn browsers_of_computers_are_told_apart() {
    const CHROME: &str = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36";
    for (system, os) in [
        ("Windows NT 10.0; Win64; x64", "Windows"),
        ("Macintosh; Intel Mac OS X 10_15_7", "Mac OS X"),
        ("X11; Linux x86_64", "Linux"),
        ("X11; CrOS x86_64 14541.0.0", "Chrome OS"),
    ] {
        let user_agent = format!("Mozilla/5.0 ({system}) {CHROME}");
        assert_device(&user_agent, "desktop", os, "Chrome", "138");
    }
    let edge = format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Edg/138.0.3351.55");
    assert_device(&edge, "desktop", "Windows", "Edge", "138");
    let firefox = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0";
    assert_device(firefox, "desktop", "Ubuntu", "Firefox", "141");
    let safari = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, \
                  like Gecko) Version/18.5 Safari/605.1.15";
    assert_device(safari, "desktop", "Mac OS X", "Safari", "18");
}

#[test]
fn telephones_and_tablets_are_told_apart() {
    let phone = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/138.0.0.0 Mobile Safari/537.36";
    assert_device(phone, "mobile", "Android", "Chrome Mobile", "138");
    let tablet = phone.replace("Mobile ", "");
    assert_device(&tablet, "tablet", "Android", "Chrome", "138");
    let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 \
                  (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1";
    assert_device(iphone, "mobile", "iOS", "Mobile Safari", "18");
    let ipad = iphone.replace("iPhone; CPU iPhone OS", "iPad; CPU OS");
    assert_device(&ipad, "tablet", "iOS", "Mobile Safari", "18");
}

#[test]
fn what_a_user_agent_does_not_tell_is_unknown() {
    for user_agent in ["", "\u{1F600}", "libwebrtc"] {
        assert_device(user_agent, "unknown", "unknown", "unknown", "unknown");
    }
    assert_eq!(DEVICES.read(""), unknown());
}

#[test]
fn the_rules_are_named_with_their_version() {
    assert_eq!(DEVICES.label(), "uap-core@0.18.0");
}
