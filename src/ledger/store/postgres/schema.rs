//! The tables, and how they are made and brought up to date.
//!
//! As in a file, columns that queries use are derived from the signed body by the database itself (whose JSON functions
//! know no `\u0000`). The triggers stop accidents and honest tools; the signatures find whoever takes them away.

/// Each brings the tables from the format of its index to the next.
pub(super) const MIGRATIONS: [&str; 1] = [r#"
CREATE TABLE portcullis.format (number integer NOT NULL);
INSERT INTO portcullis.format VALUES (0);
CREATE TABLE portcullis.sites (
  number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE
);
CREATE TABLE portcullis.meta (
  site integer NOT NULL REFERENCES portcullis.sites,
  name text NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (site, name)
);
CREATE TABLE portcullis.events (
  site integer NOT NULL REFERENCES portcullis.sites,
  seq bigint NOT NULL,
  prev bytea NOT NULL CHECK (octet_length(prev) = 32),
  hash bytea NOT NULL CHECK (octet_length(hash) = 32),
  signature bytea NOT NULL CHECK (octet_length(signature) = 64),
  body text NOT NULL,
  kind text COLLATE "C" GENERATED ALWAYS AS ((replace(body, '\u0000', '\ufffd')::json) ->> 'kind') STORED,
  at text COLLATE "C" GENERATED ALWAYS AS ((replace(body, '\u0000', '\ufffd')::json) ->> 'at') STORED,
  subject text COLLATE "C" GENERATED ALWAYS AS ((replace(body, '\u0000', '\ufffd')::json) ->> 'subject') STORED,
  PRIMARY KEY (site, seq),
  UNIQUE (site, hash)
);
CREATE INDEX events_by_at ON portcullis.events (site, at);
CREATE INDEX events_by_kind ON portcullis.events (site, kind);
CREATE INDEX events_by_subject ON portcullis.events (site, subject);
CREATE TABLE portcullis.leases (
  site integer PRIMARY KEY REFERENCES portcullis.sites,
  holder text NOT NULL,
  since text NOT NULL
);
CREATE FUNCTION portcullis.refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS
  $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$;
CREATE FUNCTION portcullis.follow() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS
  $$ BEGIN
    IF NEW.seq IS DISTINCT FROM (SELECT coalesce(max(seq), 0) + 1 FROM portcullis.events WHERE site = NEW.site) THEN
      RAISE EXCEPTION 'the ledger grows at its end alone';
    END IF;
    RETURN NEW;
  END $$;
CREATE TRIGGER events_keep BEFORE UPDATE OR DELETE ON portcullis.events FOR EACH ROW EXECUTE FUNCTION portcullis.refuse();
CREATE TRIGGER events_stay BEFORE TRUNCATE ON portcullis.events FOR EACH STATEMENT EXECUTE FUNCTION portcullis.refuse();
CREATE TRIGGER events_follow BEFORE INSERT ON portcullis.events FOR EACH ROW EXECUTE FUNCTION portcullis.follow();
CREATE TRIGGER meta_keep BEFORE UPDATE OR DELETE ON portcullis.meta FOR EACH ROW EXECUTE FUNCTION portcullis.refuse();
CREATE TRIGGER meta_stay BEFORE TRUNCATE ON portcullis.meta FOR EACH STATEMENT EXECUTE FUNCTION portcullis.refuse();
CREATE TRIGGER sites_keep BEFORE UPDATE OR DELETE ON portcullis.sites FOR EACH ROW EXECUTE FUNCTION portcullis.refuse();
CREATE TRIGGER sites_stay BEFORE TRUNCATE ON portcullis.sites FOR EACH STATEMENT EXECUTE FUNCTION portcullis.refuse();
"#];

/// The format that this version writes.
pub(super) fn newest_format() -> i32 {
    i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX)
}

/// What a look at the database shows before anything is made there.
pub(super) const LOOK: &str = "
SELECT current_setting('server_version_num')::int4 AS version,
       current_setting('server_encoding') AS encoding,
       pg_is_in_recovery() AS is_standby,
       to_regnamespace('portcullis') IS NOT NULL AS has_schema,
       to_regclass('portcullis.format') IS NOT NULL AS is_made,
       EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace('portcullis')) AS is_taken";

/// Makes the rest wait that make the tables at the same moment.
pub(super) const LOCK: &str = "SELECT pg_advisory_xact_lock(5786933105254527826)";

/// Session settings. What is told is on the disk; whoever dies or falls asleep in the midst of it holds nobody up for long.
/// `{patience}` is in milliseconds.
pub(super) fn settings(patience: std::time::Duration) -> String {
    let patience = patience.as_millis().max(1);
    format!(
        "SET search_path = pg_catalog;
         SET lock_timeout = {patience};
         SET idle_in_transaction_session_timeout = 60000;
         SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4;
         SELECT set_config('idle_session_timeout', '0', false) FROM pg_settings WHERE name = 'idle_session_timeout';
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')"
    )
}
