//! Access to the local ClickHouse: every request needs a password, and no user can reach a file,
//! another server or a program.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use deploy::access::{Access, Passwords};
use deploy::connect::Cluster;
use deploy::migrate;
use stack::{Plan, Ports, Stack};

use crate::harness::Turn;

/// A migrated ClickHouse, and a folder next to that of the stack.
struct Server {
    stack: Stack,
    ports: Ports,
    turn: Turn,
}

impl Server {
    async fn start() -> Self {
        let turn = Turn::take();
        let plan = Plan {
            folder: turn.folder.path().join("stack"),
            // Kafka is not used.
            kafka: Some(Cluster::default()),
            ..turn.plan()
        };
        let ports = plan.ports.clone();
        let server = Self { stack: Stack::start(plan).unwrap(), ports, turn };
        migrate::apply(&server.access().client("migrate")).await.unwrap();
        server
    }

    fn access(&self) -> Access {
        self.stack.access()
    }

    /// Sends a raw request and returns the status and body of the response.
    fn ask(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.ports.clickhouse_http)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()))
    }

    fn post(&self, target: &str, headers: &str, body: &str) -> (u16, String) {
        self.ask(&format!(
            "POST {target} HTTP/1.0\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    /// Returns the response to a user with the right password.
    fn run(&self, user: &str, statement: &str) -> (u16, String) {
        let access = self.access();
        let password = access.passwords.of(user);
        let headers = format!("X-ClickHouse-User: {user}\r\nX-ClickHouse-Key: {password}\r\n");
        self.post("/?database=isobar", &headers, statement)
    }
}

/// Sends the requests that a web page can make without a preflight, also after DNS rebinding, and
/// those of any other user of the machine.
#[tokio::test]
async fn requests_without_a_password_get_401() {
    let server = Server::start().await;
    let port = server.ports.clickhouse_http;
    let sources = [
        format!("Host: 127.0.0.1:{port}\r\n"),
        format!("Host: 127.0.0.1:{port}\r\nOrigin: https://pages.example\r\n"),
        format!("Host: 127.0.0.1:{port}\r\nOrigin: null\r\n"),
        format!("Host: rebound.example:{port}\r\nOrigin: http://rebound.example:{port}\r\n"),
        format!("Host: localhost:{port}\r\nReferer: http://pages.example/\r\n"),
    ];
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let text = "Content-Type: text/plain\r\n";
    let users = ["", "default", "migrate", "sink", "dashboard", "verify", "admin"];
    let passwords = ["", "isobar", "default", "password"];
    for source in &sources {
        for user in users {
            for password in passwords {
                let named = format!("/?user={user}&password={password}");
                let target = if user.is_empty() { "/" } else { &named };
                for kind in [form, text] {
                    let (status, body) =
                        server.post(target, &format!("{source}{kind}"), "SELECT 'an answer'");
                    assert!([401, 403].contains(&status), "{user} {source}: {status} {body}");
                    assert!(!body.contains("an answer"), "{user} {source}: {body}");
                }
            }
        }
        let (status, _) = server.ask(&format!("GET /?query=SELECT%201 HTTP/1.0\r\n{source}\r\n"));
        assert!([401, 403].contains(&status), "GET {source}: {status}");
    }
    // The same after a restart.
    let mut server = server;
    let guard = server.stack.guard().clone();
    let clickhouse = server.stack.clickhouse().unwrap();
    clickhouse.stop();
    clickhouse.resume(&guard).unwrap();
    clickhouse.wait().unwrap();
    assert_eq!(server.post("/", "", "SELECT 1").0, 401);
    for user in Passwords::USERS {
        assert_eq!(server.run(user, "SELECT 1"), (200, "1\n".to_owned()), "{user}");
    }
}

/// The limits must be sufficient for a busy machine and a world of any size.
#[tokio::test]
async fn verify_and_dashboard_have_separate_limits() {
    let server = Server::start().await;
    let many = "SELECT number FROM numbers(1100000) FORMAT RowBinary";
    let (status, body) = server.run("dashboard", many);
    assert!(status != 200 || body.contains("TOO_MANY_ROWS"), "{status}");
    assert_eq!(server.run("verify", many).0, 200);
    let limits = "SELECT getSetting('max_execution_time'), getSetting('max_result_rows')";
    assert_eq!(server.run("dashboard", limits).1, "30\t1000000\n");
    assert_eq!(server.run("verify", limits).1, "1800\t0\n");
    for view in ["cells", "sessions", "blocks FINAL"] {
        assert_eq!(server.run("verify", &format!("SELECT count() FROM {view}")).0, 200, "{view}");
    }
}

/// Parses the statements of the tables page on the server, which cannot create users here. Another
/// test checks that the page gives the rights of these users.
#[tokio::test]
async fn statements_of_the_tables_page_are_valid_sql() {
    let server = Server::start().await;
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/tables.md");
    let page = fs::read_to_string(page).unwrap();
    let section = page.split_once("\n## Users\n").unwrap().1;
    let blocks = section.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let statements = blocks.collect::<Vec<_>>().concat();
    let statements: Vec<_> = statements.split(';').filter(|one| !one.trim().is_empty()).collect();
    assert!(statements.len() > 30, "{statements:?}");
    for statement in statements {
        let quoted = statement.replace('\'', "\\'");
        let (status, body) = server.run("migrate", &format!("SELECT formatQuery('{quoted}')"));
        assert_eq!(status, 200, "{statement}: {body}");
    }
}

const SECRET: &str = "known to the owner of this machine alone";

/// Statements that would read the file `SECRET`, write beside it, reach the server at `PORT`, run a
/// program, or grant such a right.
const STATEMENTS: &str = "
SELECT * FROM file('SECRET', 'LineAsString')
SELECT file('SECRET')
SELECT ifNull(file('SECRET', NULL), throwIf(1))
SELECT file('../../secret.txt')
SELECT file('secret.txt')
DESCRIBE TABLE file('SECRET')
SELECT * FROM 'SECRET'
SELECT * FROM `SECRET`
SELECT * FROM fileCluster('default', 'SECRET')
SELECT * FROM filesystem('FOLDER')
SELECT * FROM sqlite('SECRET', 't')
SELECT * FROM icebergLocal('FOLDER')
SELECT * FROM deltaLakeLocal('FOLDER')
SELECT * FROM paimonLocal('FOLDER')
CREATE TABLE x (line String) ENGINE = File('LineAsString', 'SECRET')
CREATE TEMPORARY TABLE x (line String) ENGINE = File('LineAsString', 'SECRET')
CREATE TABLE x AS file('SECRET', 'LineAsString')
CREATE TABLE x (line String) ENGINE = FileLog('FOLDER', 'LineAsString')
CREATE TABLE x (line String) ENGINE = EmbeddedRocksDB(0, 'FOLDER/rocks') PRIMARY KEY line
CREATE TABLE x (line String) ENGINE = SQLite('SECRET', 't')
CREATE OR REPLACE VIEW x AS SELECT * FROM file('SECRET', 'LineAsString')
CREATE MATERIALIZED VIEW x ENGINE = File('CSV') AS SELECT 1
CREATE MATERIALIZED VIEW x REFRESH EVERY 1 HOUR ENGINE = URL('http://127.0.0.1:PORT/', 'CSV') AS SELECT 1
CREATE TABLE x (line String DEFAULT file('SECRET')) ENGINE = ReplacingMergeTree ORDER BY ()
ALTER TABLE blocks ADD COLUMN x String DEFAULT file('SECRET')
ATTACH TABLE x FROM 'FOLDER' (x String) ENGINE = ReplacingMergeTree ORDER BY x
CREATE TABLE x (x String) ENGINE = ReplacingMergeTree ORDER BY x SETTINGS disk = disk(type = 'local', path = 'FOLDER/disk/')
CREATE TABLE x (x String) ENGINE = ReplacingMergeTree ORDER BY x SETTINGS disk = disk(type = 'web', endpoint = 'http://127.0.0.1:PORT/')
CREATE TABLE x (x String) ENGINE = ReplacingMergeTree ORDER BY x SETTINGS disk = disk(type = 's3', endpoint = 'http://127.0.0.1:PORT/bucket/b/', access_key_id = 'a', secret_access_key = 'b')
CREATE TABLE x (x String) ENGINE = ReplacingMergeTree ORDER BY x SETTINGS disk = disk(type = 'object_storage', object_storage_type = 'local', metadata_type = 'local', path = 'FOLDER/disk/')
ALTER TABLE blocks MODIFY SETTING disk = disk(type = 'local', path = 'FOLDER/disk/')
ALTER TABLE blocks FREEZE
ALTER TABLE blocks FETCH PARTITION 202601 FROM '/there'
ALTER TABLE blocks MOVE PARTITION 202601 TO DISK 'there'
SELECT 1 INTO OUTFILE 'FOLDER/out.txt'
INSERT INTO FUNCTION file('FOLDER/out.txt', 'LineAsString', 'line String') VALUES ('x')
INSERT INTO blocks FROM INFILE 'SECRET' FORMAT LineAsString
INSERT INTO samples (app) FROM INFILE 'SECRET' FORMAT LineAsString
BACKUP TABLE blocks TO S3('http://127.0.0.1:PORT/bucket/b', 'a', 'b')
BACKUP TABLE blocks TO File('FOLDER/backup')
BACKUP TABLE blocks TO Disk('default', 'backup')
RESTORE TABLE blocks FROM File('FOLDER/backup')
RESTORE TABLE blocks FROM S3('http://127.0.0.1:PORT/bucket/b', 'a', 'b') SETTINGS s3_retry_attempts = 0, backup_restore_s3_retry_attempts = 0
RESTORE TABLE blocks FROM AzureBlobStorage('http://127.0.0.1:PORT/a', 'b', 'c')
RESTORE DATABASE isobar FROM AzureBlobStorage('DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;BlobEndpoint=http://127.0.0.1:PORT/a', 'b', 'c') SETTINGS azure_sdk_max_retries = 0
SELECT 1 AS x FORMAT Template SETTINGS format_template_resultset = 'SECRET'
SELECT 1 AS x FORMAT Template SETTINGS format_template_row = 'SECRET'
SELECT 1 AS x FORMAT Template SETTINGS format_template_resultset = '../secret.txt'
SELECT 1 AS x FORMAT Protobuf SETTINGS format_schema = 'SECRET:x'
SELECT * FROM format(Template, 'x') SETTINGS format_template_resultset = 'SECRET'
SET format_schema = 'SECRET:x'
SELECT * FROM url('http://127.0.0.1:PORT/', 'LineAsString')
SELECT * FROM urlCluster('default', 'http://127.0.0.1:PORT/', 'LineAsString')
SELECT * FROM s3('http://127.0.0.1:PORT/bucket/key', 'LineAsString')
SELECT * FROM gcs('http://127.0.0.1:PORT/bucket/key', 'LineAsString')
SELECT * FROM iceberg('http://127.0.0.1:PORT/bucket/key/')
SELECT * FROM deltaLake('http://127.0.0.1:PORT/bucket/key/')
SELECT * FROM hudi('http://127.0.0.1:PORT/bucket/key/')
SELECT * FROM azureBlobStorage('http://127.0.0.1:PORT/a', 'b', 'c')
SELECT * FROM hdfs('hdfs://127.0.0.1:PORT/a', 'LineAsString')
SELECT * FROM remote('127.0.0.1:PORT', 'system.one')
SELECT * FROM remoteSecure('127.0.0.1:PORT', 'system.one')
SELECT * FROM cluster('default', 'system.one')
SELECT * FROM mysql('127.0.0.1:PORT', 'a', 'b', 'c', 'd')
SELECT * FROM postgresql('127.0.0.1:PORT', 'a', 'b', 'c', 'd')
SELECT * FROM mongodb('127.0.0.1:PORT', 'a', 'b', 'c', 'd', 'x Int8')
SELECT * FROM redis('127.0.0.1:PORT', 'k', 'k String')
SELECT * FROM jdbc('http://127.0.0.1:PORT', 'x')
SELECT * FROM odbc('DSN=x', 'x')
SELECT * FROM arrowFlight('127.0.0.1:PORT', 'x')
SELECT * FROM arrowflight('127.0.0.1:PORT', 'x')
SELECT * FROM s3Cluster('default', 'http://127.0.0.1:PORT/bucket/key', 'LineAsString')
SELECT * FROM azureBlobStorageCluster('default', 'http://127.0.0.1:PORT/a', 'b', 'c')
SELECT * FROM hdfsCluster('default', 'hdfs://127.0.0.1:PORT/a', 'LineAsString')
SELECT * FROM icebergS3('http://127.0.0.1:PORT/bucket/key/')
SELECT * FROM icebergAzure('http://127.0.0.1:PORT/a', 'b', 'c')
SELECT * FROM icebergHDFS('hdfs://127.0.0.1:PORT/a')
SELECT * FROM deltaLakeS3('http://127.0.0.1:PORT/bucket/key/')
SELECT * FROM deltaLakeAzure('http://127.0.0.1:PORT/a', 'b', 'c')
SELECT * FROM clusterAllReplicas('default', 'system.users')
SELECT * FROM merge('system', '^users$')
SELECT * FROM loop('system', 'users')
SELECT * FROM dictionary('x')
SELECT * FROM ytsaurus('http://127.0.0.1:PORT', '//a', 'b', 'x Int8')
CREATE TABLE x (x String) ENGINE = URL('http://127.0.0.1:PORT/', 'LineAsString')
CREATE TABLE x (x String) ENGINE = S3('http://127.0.0.1:PORT/bucket/key', 'CSV')
CREATE TABLE x (x String) ENGINE = S3Queue('http://127.0.0.1:PORT/bucket/*', 'CSV') SETTINGS mode = 'unordered'
CREATE TABLE x (x String) ENGINE = Kafka SETTINGS kafka_broker_list = '127.0.0.1:PORT', kafka_topic_list = 'x', kafka_group_name = 'y', kafka_format = 'LineAsString'
CREATE TABLE x (x String) ENGINE = MySQL('127.0.0.1:PORT', 'a', 'b', 'c', 'd')
CREATE TABLE x (x String) ENGINE = PostgreSQL('127.0.0.1:PORT', 'a', 'b', 'c', 'd')
CREATE TABLE x (x String) ENGINE = MongoDB('127.0.0.1:PORT', 'a', 'b', 'c', 'd')
CREATE TABLE x (x String) ENGINE = Redis('127.0.0.1:PORT') PRIMARY KEY x
CREATE TABLE x (x UInt8) ENGINE = Distributed('default', 'system', 'one')
CREATE TABLE x (x String) ENGINE = Executable('x.sh', 'CSV')
CREATE TABLE x (x String) ENGINE = ExecutablePool('x.sh', 'CSV')
CREATE TABLE x (x String) ENGINE = ArrowFlight('127.0.0.1:PORT', 'x')
CREATE TABLE x (x String) ENGINE = NATS SETTINGS nats_url = '127.0.0.1:PORT', nats_subjects = 'x', nats_format = 'LineAsString'
CREATE TABLE x (x String) ENGINE = RabbitMQ SETTINGS rabbitmq_host_port = '127.0.0.1:PORT', rabbitmq_exchange_name = 'x', rabbitmq_format = 'LineAsString'
CREATE TABLE x (x String) ENGINE = AzureBlobStorage('http://127.0.0.1:PORT/a', 'b', 'c')
CREATE TABLE x (x String) ENGINE = AzureQueue('http://127.0.0.1:PORT/a', 'b', '*') SETTINGS mode = 'unordered'
CREATE TABLE x (x String) ENGINE = HDFS('hdfs://127.0.0.1:PORT/a', 'CSV')
CREATE TABLE x ENGINE = Iceberg('http://127.0.0.1:PORT/bucket/key/')
CREATE TABLE x ENGINE = IcebergS3('http://127.0.0.1:PORT/bucket/key/')
CREATE TABLE x ENGINE = IcebergLocal('FOLDER')
CREATE TABLE x (x String) ENGINE = IcebergLocal('FOLDER')
CREATE TABLE x ENGINE = DeltaLake('http://127.0.0.1:PORT/bucket/key/')
CREATE TABLE x ENGINE = DeltaLakeLocal('FOLDER')
CREATE TABLE x ENGINE = Hudi('http://127.0.0.1:PORT/bucket/key/')
CREATE TABLE x (x String) ENGINE = JDBC('http://127.0.0.1:PORT', 'a', 'b')
CREATE TABLE x (x String) ENGINE = ODBC('DSN=x', 'a', 'b')
CREATE TABLE x (x String) ENGINE = COSN('http://127.0.0.1:PORT/bucket/key', 'CSV')
CREATE TABLE x (x String) ENGINE = OSS('http://127.0.0.1:PORT/bucket/key', 'CSV')
CREATE TABLE x (x String) ENGINE = YTsaurus('http://127.0.0.1:PORT', '//a', 'b')
CREATE TABLE x AS blocks ENGINE = Buffer('isobar', 'blocks', 1, 1, 1, 1, 1, 1, 1)
CREATE TABLE x (x String) ENGINE = Buffer('system', 'users', 1, 1, 1, 1, 1, 1, 1)
CREATE TABLE x (name String) ENGINE = Merge('system', '^users$')
CREATE TABLE x (x String) ENGINE = Join(ANY, LEFT, x)
CREATE TABLE x (x String) ENGINE = KeeperMap('/x') PRIMARY KEY x
CREATE TABLE x (x String) ENGINE = StripeLog
CREATE TABLE x (x String) ENGINE = TinyLog
CREATE TABLE x (x String) ENGINE = Memory
CREATE TABLE x (x String) ENGINE = Log
CREATE TABLE x (x String) ENGINE = Null
CREATE TABLE x (x String) ENGINE = Set
SELECT * FROM executable('x.sh', 'LineAsString', 'line String')
SELECT * FROM executable('../../../../../../../../bin/echo', 'LineAsString', 'line String')
CREATE DICTIONARY x (id UInt64, a String) PRIMARY KEY id SOURCE(EXECUTABLE(command 'id' format 'TabSeparated')) LIFETIME(1) LAYOUT(FLAT())
CREATE DICTIONARY x (id UInt64, a String) PRIMARY KEY id SOURCE(FILE(path 'SECRET' format 'TabSeparated')) LIFETIME(1) LAYOUT(FLAT())
CREATE DICTIONARY x (id UInt64, a String) PRIMARY KEY id SOURCE(HTTP(url 'http://127.0.0.1:PORT/' format 'TabSeparated')) LIFETIME(1) LAYOUT(FLAT())
CREATE TABLE x (id UInt64) ENGINE = Dictionary('x')
SELECT catboostEvaluate('SECRET', 1)
CREATE DATABASE other
CREATE DATABASE other ENGINE = Filesystem('/')
CREATE DATABASE other ENGINE = SQLite('SECRET')
CREATE DATABASE other ENGINE = URL('http://127.0.0.1:PORT/')
CREATE DATABASE other ENGINE = DataLakeCatalog('http://127.0.0.1:PORT/', 'a', 'b') SETTINGS catalog_type = 'rest', warehouse = 'w'
CREATE DATABASE other ENGINE = Iceberg('http://127.0.0.1:PORT/')
CREATE DATABASE other ENGINE = S3('http://127.0.0.1:PORT/bucket/', 'NOSIGN')
CREATE DATABASE other ENGINE = HDFS('hdfs://127.0.0.1:PORT/a')
CREATE DATABASE other ENGINE = PostgreSQL('127.0.0.1:PORT', 'a', 'b', 'c')
CREATE DATABASE other ENGINE = MaterializedPostgreSQL('127.0.0.1:PORT', 'a', 'b', 'c')
CREATE DATABASE other ENGINE = Backup('isobar', File('FOLDER/backup'))
CREATE DATABASE other ENGINE = Memory
CREATE DATABASE other ENGINE = Lazy(10)
CREATE DATABASE other ENGINE = MySQL('127.0.0.1:PORT', 'a', 'b', 'c')
DROP DATABASE isobar
CREATE TABLE default.x (x String) ENGINE = ReplacingMergeTree ORDER BY x
CREATE NAMED COLLECTION x AS url = 'http://127.0.0.1:PORT/'
CREATE USER other IDENTIFIED BY 'x'
ALTER USER default IDENTIFIED BY 'x'
ALTER USER dashboard IDENTIFIED BY 'x'
CREATE ROLE other
GRANT ALL ON *.* TO migrate
GRANT READ ON FILE TO dashboard
CREATE ROW POLICY x ON blocks USING 1 TO ALL
CREATE QUOTA x
CREATE SETTINGS PROFILE x
CREATE WORKLOAD all
EXECUTE AS default SELECT 1
SYSTEM START LISTEN TCP
SYSTEM STOP LISTEN HTTP
SYSTEM SHUTDOWN
SYSTEM RELOAD CONFIG
SYSTEM RELOAD USERS
SYSTEM FLUSH LOGS
SYSTEM DROP MARK CACHE
SYSTEM UNFREEZE WITH NAME 'x'
KILL QUERY WHERE 1
SELECT * FROM system.query_log
SELECT * FROM system.processes
SELECT * FROM system.users
SELECT * FROM system.named_collections
SELECT addressToLine(1) SETTINGS allow_introspection_functions = 1
CREATE OR REPLACE VIEW x DEFINER = default SQL SECURITY DEFINER AS SELECT 1
CREATE OR REPLACE VIEW x SQL SECURITY NONE AS SELECT * FROM system.users
";

/// Returns all files under `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Checks statements that are sent with the right password.
#[tokio::test]
async fn no_user_reaches_a_file_another_server_or_a_program() {
    let server = Server::start().await;
    let folder = server.turn.folder.path().join("beside");
    let secret = folder.join("secret.txt");
    fs::create_dir(&folder).unwrap();
    fs::write(&secret, SECRET).unwrap();
    let elsewhere = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let port = elsewhere.local_addr().unwrap().port().to_string();
    let mut opened = Vec::new();
    for statement in STATEMENTS.lines().filter(|line| !line.is_empty()) {
        let statement = statement
            .replace("SECRET", secret.to_str().unwrap())
            .replace("FOLDER", folder.to_str().unwrap())
            .replace("PORT", &port);
        for user in Passwords::USERS {
            let (status, body) = server.run(user, &statement);
            if status == 200 || body.contains(SECRET) {
                opened.push(format!("{user}: {statement}: {status} {body}"));
            }
            if elsewhere.accept().is_ok() {
                opened.push(format!("{user}: {statement}: connects to another server"));
            }
        }
    }
    assert!(opened.is_empty(), "{opened:#?}");
    // A refused disk leaves an empty folder.
    assert_eq!(files(&folder), [secret]);
    let user_files = server.stack.folder().join("clickhouse/user_files");
    assert_eq!(fs::read_dir(&user_files).unwrap().count(), 0, "{}", user_files.display());
    // Refusals are caused by the statement itself.
    assert_eq!(server.run("migrate", "SELECT count() FROM blocks").0, 200);
    assert_eq!(server.run("dashboard", "SELECT count() FROM cells").0, 200);
}
