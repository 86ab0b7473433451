//! A database is looked at before it is used, and its tables are made or brought up to date.

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::error::ServerError;
use super::schema::{self, MIGRATIONS, newest_format};
use super::session::Worker;
use crate::ledger::store::append::OpenOptions;
use crate::ledger::store::error::LedgerError;

/// Generated columns, which the tables have, came with this version.
const OLDEST: i32 = 120_000;

/// The number of the site called `name`.
pub(super) fn open(worker: &mut Worker, name: &str, options: &OpenOptions) -> Result<i32, LedgerError> {
    let seen = look(worker)?;
    let missing = || LedgerError::Missing { place: worker.place.clone() };
    if !seen.is_made && !options.create {
        return Err(missing());
    }
    if seen.is_standby && options.append {
        return Err(LedgerError::ReadOnly { place: worker.place.clone() });
    }
    match if seen.is_made { format(worker)? } else { 0 } {
        found if found > newest_format() => {
            let (found, known) = (found.into(), newest_format().into());
            return Err(LedgerError::Newer { place: worker.place.clone(), found, known });
        }
        found if found < newest_format() && options.append => migrate(worker)?,
        _ => {}
    }
    if let Some(number) = number(worker, name)? {
        return Ok(number);
    }
    if !options.create {
        return Err(LedgerError::Missing { place: worker.place.clone() });
    }
    let statement = "INSERT INTO portcullis.sites (name) VALUES ($1) ON CONFLICT (name) DO NOTHING";
    worker.query("make", statement, &[(&name, Type::TEXT)])?;
    number(worker, name)?.ok_or_else(|| LedgerError::Missing { place: worker.place.clone() })
}

struct Seen {
    has_schema: bool,
    is_made: bool,
    is_standby: bool,
}

fn look(worker: &mut Worker) -> Result<Seen, LedgerError> {
    let rows = worker.query("open", schema::LOOK, &[])?;
    let unfit = |reason: &str| ServerError::Unfit { server: worker.server(), reason: reason.to_owned() };
    let row = rows.first().ok_or_else(|| unfit("it answers nothing"))?;
    let is = |column: &str| row.try_get::<_, bool>(column).unwrap_or_default();
    let version = row.try_get::<_, i32>("version").unwrap_or_default();
    if version < OLDEST {
        return Err(unfit(&format!("it is PostgreSQL {}, and 12 is the oldest that will do", version / 10_000)).into());
    }
    let encoding: String = row.try_get("encoding").unwrap_or_default();
    if encoding != "UTF8" {
        return Err(unfit(&format!("its encoding is {encoding}, and UTF8 is needed")).into());
    }
    if is("is_taken") && !is("is_made") {
        return Err(unfit("its schema `portcullis` holds something else").into());
    }
    Ok(Seen { has_schema: is("has_schema"), is_made: is("is_made"), is_standby: is("is_standby") })
}

fn format(worker: &mut Worker) -> Result<i32, LedgerError> {
    let rows = worker.query("open", "SELECT number FROM portcullis.format", &[])?;
    let number = rows.first().and_then(first);
    number.ok_or_else(|| ServerError::Unfit { server: worker.server(), reason: "its tables have no format".to_owned() }.into())
}

fn first<T: for<'r> tokio_postgres::types::FromSql<'r>>(row: &Row) -> Option<T> {
    row.try_get(0).ok()
}

fn number(worker: &mut Worker, name: &str) -> Result<Option<i32>, LedgerError> {
    let rows = worker.query("open", "SELECT number FROM portcullis.sites WHERE name = $1", &[(&name, Type::TEXT)])?;
    Ok(rows.first().and_then(first))
}

/// Brings the tables to the newest format, in one transaction; whoever does the same at this moment waits.
fn migrate(worker: &mut Worker) -> Result<(), LedgerError> {
    worker.begin(&format!("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {}", schema::LOCK))?;
    let migrated = migrate_in_turn(worker).and_then(|()| worker.batch("make", "COMMIT"));
    migrated.inspect_err(|_| worker.roll_back())
}

fn migrate_in_turn(worker: &mut Worker) -> Result<(), LedgerError> {
    let seen = look(worker)?;
    if !seen.has_schema {
        worker.batch("make", "CREATE SCHEMA portcullis")?;
    }
    let done = usize::try_from(if seen.is_made { format(worker)? } else { 0 }).unwrap_or(0);
    for migration in MIGRATIONS.iter().skip(done) {
        worker.batch("make", migration)?;
    }
    worker.query("make", "UPDATE portcullis.format SET number = $1", &[(&newest_format(), Type::INT4)]).map(drop)
}
