//! The keyboard while a line is typed: each key comes at once, none is shown by itself, Ctrl-C is a key like others.

#[cfg(unix)]
pub(super) use unix::Keyboard;
#[cfg(windows)]
pub(super) use windows::Keyboard;

#[cfg(unix)]
mod unix {
    use std::io::{self, StdinLock};

    use rustix::termios::{self, LocalModes, OptionalActions, Termios};

    use super::super::keys::{Key, read_key};

    /// Dropped, the terminal's mode is what it was before.
    pub(in super::super) struct Keyboard {
        terminal: StdinLock<'static>,
        before: Termios,
    }

    impl Keyboard {
        /// Changes the terminal's mode.
        pub(in super::super) fn take() -> io::Result<Self> {
            let terminal = io::stdin().lock();
            let before = termios::tcgetattr(&terminal)?;
            let mut mode = before.clone();
            mode.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN);
            termios::tcsetattr(&terminal, OptionalActions::Now, &mode)?;
            Ok(Self { terminal, before })
        }

        /// Waits for the next key.
        pub(in super::super) fn next(&mut self) -> io::Result<Key> {
            read_key(&mut self.terminal)
        }
    }

    impl Drop for Keyboard {
        fn drop(&mut self) {
            // A terminal that is gone needs no mode.
            let _gone = termios::tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
        }
    }
}

#[cfg(windows)]
mod windows {
    use std::io;

    use console::{Key as Pressed, Term};

    use super::super::keys::Key;

    /// The console's own keys.
    pub(in super::super) struct Keyboard(Term);

    impl Keyboard {
        /// Nothing needs to be changed.
        pub(in super::super) fn take() -> io::Result<Self> {
            Ok(Self(Term::stderr()))
        }

        /// Waits for the next key.
        pub(in super::super) fn next(&mut self) -> io::Result<Key> {
            Ok(match self.0.read_key_raw()? {
                Pressed::Enter => Key::Enter,
                Pressed::Backspace => Key::Backspace,
                Pressed::Del => Key::Delete,
                Pressed::ArrowLeft => Key::Left,
                Pressed::ArrowRight => Key::Right,
                Pressed::Home => Key::Home,
                Pressed::End => Key::End,
                Pressed::Tab => Key::Tab,
                Pressed::CtrlC | Pressed::Char('\u{3}') => Key::Interrupt,
                Pressed::Char('\u{4}') => Key::EndOfInput,
                Pressed::Char('\u{15}') => Key::EraseLine,
                Pressed::Char('\u{17}') => Key::EraseWord,
                Pressed::Char(letter) if !letter.is_control() => Key::Char(letter),
                _ => Key::Other,
            })
        }
    }
}
