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
fn desktop_browsers_are_distinguished() {
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
fn phones_and_tablets_are_distinguished() {
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
fn headsets_are_a_class_of_their_own() {
    for (user_agent, class, os, browser, version) in [
        (
            "Mozilla/5.0 (X11; Linux x86_64; Quest 3) AppleWebKit/537.36 (KHTML, like Gecko) OculusBrowser/33.0.0.12.55.613 Chrome/126.0.6478.186 VR Safari/537.36",
            "headset",
            "Android",
            "Oculus Browser",
            "33",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; Quest 3) AppleWebKit/537.36 (KHTML, like Gecko) OculusBrowser/39.4.0.15.62 Chrome/136.0.7103.177 VR Safari/537.36",
            "headset",
            "Android",
            "Oculus Browser",
            "39",
        ),
        (
            "Mozilla/5.0 (Linux; Android 12; Quest 2) AppleWebKit/537.36 (KHTML, like Gecko) OculusBrowser/25.0.0.4.70 SamsungBrowser/4.0 Chrome/106.0.5249.79 Mobile VR Safari/537.36",
            "headset",
            "Android",
            "Oculus Browser",
            "25",
        ),
        (
            "Mozilla/5.0 (Android 10; Mobile VR; rv:108.0) Gecko/108.0 Firefox/108.0",
            "headset",
            "Android",
            "Firefox Mobile",
            "108",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; PICO 4 OS5.4.0) AppleWebKit/537.36 (KHTML, like Gecko) PicoBrowser/3.3.38 Chrome/105.0.5195.68 VR Safari/537.36",
            "headset",
            "Android",
            "Pico Browser",
            "3",
        ),
        (
            "Mozilla/5.0 (Android 10; Mobile VR; rv:113.0) Gecko/113.0 Firefox/113.0 Wolvic/1.5",
            "headset",
            "Android",
            "Wolvic",
            "1",
        ),
        (
            "Mozilla/5.0 (Linux; Android 12; VR; PICO A8110) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.0 VR Safari/537.36 Wolvic/2.0",
            "headset",
            "Android",
            "Wolvic",
            "2",
        ),
        (
            "Mozilla/5.0 (Linux; Android 12; VIVE Focus 3 Build/QQ1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/110.0.5481.65 Mobile Safari/537.36",
            "headset",
            "Android",
            "Chrome Mobile",
            "110",
        ),
    ] {
        assert_device(user_agent, class, os, browser, version);
    }
}

#[test]
fn tv_sets_and_sticks_are_a_class_of_their_own() {
    for (user_agent, class, os, browser, version) in [
        (
            "Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.5) AppleWebKit/537.36 (KHTML, like Gecko) 85.0.4183.93/6.5 TV Safari/537.36",
            "tv",
            "Tizen",
            "Samsung Internet",
            "unknown",
        ),
        (
            "Mozilla/5.0 (SMART-TV; Linux; Tizen 5.0) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/2.2 Chrome/63.0.3239.84 TV Safari/537.36",
            "tv",
            "Tizen",
            "Samsung Internet",
            "2",
        ),
        (
            "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0.4606.128 Safari/537.36 WebAppManager",
            "tv",
            "webOS",
            "Chrome",
            "94",
        ),
        (
            "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.270 Safari/537.36 WebAppManager",
            "tv",
            "webOS",
            "Chrome",
            "120",
        ),
        (
            "Mozilla/5.0 (Linux; Android 9; BRAVIA 4K VH2 Build/PTT1.190515.001.S52; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/84 Mobile Safari/537.36",
            "tv",
            "Android",
            "Chrome Mobile WebView",
            "84",
        ),
        (
            "Mozilla/5.0 (Linux; Android 11; SHIELD Android TV Build/RQ1A) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
            "tv",
            "Android",
            "Chrome",
            "120",
        ),
        (
            "Mozilla/5.0 (Linux; Android 9; AFTKA Build/PS7233; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/108.0.5359.220 Mobile Safari/537.36",
            "tv",
            "Android",
            "Chrome Mobile WebView",
            "108",
        ),
        (
            "Mozilla/5.0 (X11; Linux armv7l) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0.4430.225 Safari/537.36 CrKey/1.56.500000 DeviceType/Chromecast",
            "tv",
            "Chromecast",
            "Chrome",
            "90",
        ),
        ("AppleTV11,1/16.4", "tv", "tvOS", "unknown", "unknown"),
        (
            "Mozilla/5.0 (Linux; Android 9; TV) HbbTV/1.5.1 (+DRM;Hisense;)",
            "tv",
            "Android",
            "HbbTV",
            "1",
        ),
        ("Roku/DVP-12.5 (12.5.0.4178-88)", "tv", "Roku", "Roku", "12"),
        (
            "Mozilla/5.0 (Linux; Android 14; Chromecast Build/UTTK.240305.001) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.6367.82 Safari/537.36",
            "tv",
            "Android",
            "Chrome",
            "124",
        ),
        (
            "Mozilla/5.0 (X11; Linux armv7l) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/96.0.4664.92 Safari/537.36 VIZIO SmartCast(Conjure/MTKF-5.1.516.1 FW/2.1.29.5)",
            "tv",
            "Linux",
            "Chrome",
            "96",
        ),
        (
            "Mozilla/5.0 (PlayStation; PlayStation 5/9.20) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.4 Safari/605.1.15",
            "tv",
            "PlayStation",
            "Safari",
            "16",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox Series X) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36 Edg/124.0.2478.80",
            "tv",
            "Windows",
            "Edge",
            "124",
        ),
    ] {
        assert_device(user_agent, class, os, browser, version);
    }
}

#[test]
fn webviews_are_phones_or_tablets_by_their_user_agent() {
    for (user_agent, class, os, browser, version) in [
        (
            "Mozilla/5.0 (Linux; Android 13; SM-G991B Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/138.0.7204.63 Mobile Safari/537.36",
            "mobile",
            "Android",
            "Chrome Mobile WebView",
            "138",
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; SM-X700 Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/138.0.7204.63 Safari/537.36",
            "tablet",
            "Android",
            "Chrome Mobile WebView",
            "138",
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; SM-G991B Build/TP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/138.0.7204.63 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/466.0.0.55.85;]",
            "mobile",
            "Android",
            "Facebook",
            "466",
        ),
    ] {
        assert_device(user_agent, class, os, browser, version);
    }
}

#[test]
fn native_clients_have_the_system_of_their_http_librarys_agent() {
    for (user_agent, class, os, browser, version) in [
        (
            "Dalvik/2.1.0 (Linux; U; Android 13; Pixel 7 Build/TQ3A.230805.001)",
            "mobile",
            "Android",
            "Dalvik",
            "2",
        ),
        (
            "Dalvik/2.1.0 (Linux; U; Android 13; SM-X906C Build/TQ3A.230805.001)",
            "tablet",
            "Android",
            "Dalvik",
            "2",
        ),
        ("okhttp/4.9.2", "mobile", "Android", "okhttp", "4"),
        ("okhttp/3.12.1", "mobile", "Android", "okhttp", "3"),
        ("MyApp/1 CFNetwork/1410.0.3 Darwin/22.6.0", "mobile", "iOS", "CFNetwork", "1410"),
        ("MyApp/42 CFNetwork/1494.0.7 Darwin/23.4.0", "mobile", "iOS", "CFNetwork", "1494"),
        (
            "MyApp/1.2 CFNetwork/811.11 Darwin/16.7.0 (x86_64)",
            "desktop",
            "Mac OS X",
            "CFNetwork",
            "811",
        ),
        ("react-native/0.64.4 (android 30)", "mobile", "Android", "react-native", "0"),
        ("react-native/0.64.4 (ios 17.0)", "mobile", "iOS", "react-native", "0"),
        ("react-native/0.74.2 (iOS 17.5.1)", "mobile", "iOS", "react-native", "0"),
        ("react-native/0.75.1 (windows 10)", "desktop", "Windows", "react-native", "0"),
        (
            "JitsiMeetSDK/9.2.2 (android/34) react-native/0.75.4",
            "mobile",
            "Android",
            "react-native",
            "0",
        ),
        ("JitsiMeetSDK/9.2.2 (iOS/17.5) react-native/0.75.4", "mobile", "iOS", "react-native", "0"),
        (
            "MyApp/1.2 (com.example; build:3; iOS 17.0.0) Alamofire/5.4",
            "mobile",
            "iOS",
            "unknown",
            "unknown",
        ),
        (
            "MyApp/1.2 (iPad; iOS 17.0; Scale/2.00)",
            "tablet",
            "iOS",
            "Mobile Safari UI/WKWebView",
            "unknown",
        ),
        ("MyApp/1.2 (Linux; Android 13; SM-G991B)", "mobile", "Android", "Android", "13"),
        ("MyApp/1.2 (Linux; Android 13; SM-X700)", "tablet", "Android", "Android", "13"),
    ] {
        assert_device(user_agent, class, os, browser, version);
    }
}

#[test]
fn harmonyos_and_arkweb_are_named() {
    for (user_agent, class, os, browser, version) in [
        (
            "Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36  ArkWeb/4.1.6.1 Mobile",
            "mobile",
            "HarmonyOS",
            "ArkWeb",
            "4",
        ),
        (
            "Mozilla/5.0 (Tablet; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36  ArkWeb/4.1.6.1",
            "tablet",
            "HarmonyOS",
            "ArkWeb",
            "4",
        ),
        (
            "Mozilla/5.0 (PC; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36  ArkWeb/4.1.6.1",
            "desktop",
            "HarmonyOS",
            "ArkWeb",
            "4",
        ),
        (
            "Mozilla/5.0 (Linux; Android 12; HarmonyOS; NOH-AN00; HMSCore 6.11.0.332) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0.4844.88 HuaweiBrowser/14.0.2.311 Mobile Safari/537.36",
            "mobile",
            "HarmonyOS",
            "Huawei Browser",
            "14",
        ),
    ] {
        assert_device(user_agent, class, os, browser, version);
    }
}

#[test]
fn wechat_is_the_browser_on_every_engine() {
    for (user_agent, class, os, browser, version) in [
        (
            "Mozilla/5.0 (Linux; Android 13; M2102J2SC Build/TKQ1; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/116.0.0.0 Mobile Safari/537.36 XWEB/1160065 MMWEBSDK/20231202 MMWEBID/2307 MicroMessenger/8.0.47.2560(0x28002F30) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64",
            "mobile",
            "Android",
            "WeChat",
            "8",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.44(0x18002c2d) NetType/WIFI Language/zh_CN",
            "mobile",
            "iOS",
            "WeChat",
            "8",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36 NetType/WIFI MicroMessenger/7.0.20.1781(0x6700143B) WindowsWechat(0x63090c33) XWEB/14185 Flue",
            "desktop",
            "Windows",
            "WeChat",
            "7",
        ),
        (
            "Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36  ArkWeb/4.1.6.1 Mobile MicroMessenger/8.0.6 Weixin",
            "mobile",
            "HarmonyOS",
            "WeChat",
            "8",
        ),
    ] {
        assert_device(user_agent, class, os, browser, version);
    }
}

#[test]
fn an_ipad_that_requests_desktop_sites_is_a_tablet_if_it_names_ios() {
    for (user_agent, class, os, browser, version) in [
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/138 Version/11.1.1 Safari/605.1.15",
            "tablet",
            "iOS",
            "Chrome Mobile iOS",
            "138",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:141.0) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/141.0 Safari/605.1.15",
            "tablet",
            "iOS",
            "Firefox iOS",
            "141",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) EdgiOS/138.0.3351.55 Version/18.0 Safari/605.1.15",
            "tablet",
            "iOS",
            "Edge Mobile",
            "138",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
            "tablet",
            "iOS",
            "Mobile Safari UI/WKWebView",
            "unknown",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
            "desktop",
            "Mac OS X",
            "Safari",
            "17",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/316.0.633062321 Mobile/15E148 Safari/604.1",
            "tablet",
            "iOS",
            "Google",
            "316",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
            "tablet",
            "iOS",
            "Mobile Safari",
            "17",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15",
            "tablet",
            "iOS",
            "DuckDuckGo Mobile",
            "7",
        ),
    ] {
        assert_device(user_agent, class, os, browser, version);
    }
}

#[test]
fn parts_missing_in_a_user_agent_are_unknown() {
    for user_agent in ["", "\u{1F600}", "libwebrtc"] {
        assert_device(user_agent, "unknown", "unknown", "unknown", "unknown");
    }
    assert_eq!(DEVICES.read(""), unknown());
}

#[test]
fn a_name_that_an_agent_makes_up_is_bounded() {
    let long = "x".repeat(49);
    assert_device(&format!("{long}bot/1"), "unknown", "unknown", "unknown", "1");
    assert_device("okhttp/1234567", "mobile", "Android", "okhttp", "unknown");
}

#[test]
fn the_rules_are_named_with_their_version() {
    assert_eq!(DEVICES.label(), "uap-core@0.18.0+2");
}
