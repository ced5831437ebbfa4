//! On which line of its file each field of a document stands: what editors and reports of CI jump to.
//!
//! A second reading of a text that was read already, by the parser's events: values have no places. What stands behind
//! an alias or comes by a merge key (`<<`) stands where its anchor is. Anything that cannot be followed has the line of
//! the nearest parent that can.

use std::collections::BTreeMap;
use std::rc::Rc;

use granit_parser::{Event, Parser, Span, StrInput};

use super::path::{Step, steps};

/// A value of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lines {
    /// Where it stands, from 1: a field where its key does.
    line: usize,
    parts: Parts,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Parts {
    /// None, or none that can be told.
    None,
    Fields(BTreeMap<String, Rc<Lines>>),
    Items(Vec<Rc<Lines>>),
}

impl Lines {
    /// Those of the first document of `text`, which begins on `line` of its file.
    pub(super) fn of(text: &str, line: usize) -> Self {
        let mut reader = Reader {
            before: line - 1,
            events: Parser::new_from_str(text),
            anchored: BTreeMap::new(),
        };
        let document = reader.document();
        document.map_or_else(|| Self::unknown(line), Rc::unwrap_or_clone)
    }

    /// Nothing but a line.
    pub(super) fn unknown(line: usize) -> Self {
        Self {
            line,
            parts: Parts::None,
        }
    }

    /// Where it stands itself.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// A field of it.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        match &self.parts {
            Parts::Fields(fields) => fields.get(name).map(Rc::as_ref),
            Parts::None | Parts::Items(_) => None,
        }
    }

    /// An item of it.
    pub(super) fn item(&self, index: usize) -> Option<&Self> {
        match &self.parts {
            Parts::Items(items) => items.get(index).map(Rc::as_ref),
            Parts::None | Parts::Fields(_) => None,
        }
    }

    /// The line of the field of this path, or of the nearest parent that is there; `None` where not even the first step
    /// is.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        let mut found = None;
        let mut here = self;
        for step in steps(path) {
            let next = match step {
                Step::Field(name) => here.field(&name),
                Step::Item(index) => here.item(index),
            };
            let Some(next) = next else { break };
            found = Some(next.line);
            here = next;
        }
        found
    }
}

/// What comes next in a text.
enum Next {
    Value(Rc<Lines>),
    /// A value that is text, and may be a key.
    Text(String, Rc<Lines>),
    End,
}

struct Reader<'a> {
    /// Lines of the file before the text.
    before: usize,
    events: Parser<'a, StrInput<'a>>,
    /// What aliases stand for, by the parser's number.
    anchored: BTreeMap<usize, Rc<Lines>>,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Option<Rc<Lines>> {
        loop {
            match self.event()? {
                (Event::StreamStart | Event::DocumentStart(..) | Event::Comment(..), _) => {}
                (event, span) => return self.value(event, span)?.lines(),
            }
        }
    }

    fn event(&mut self) -> Option<(Event<'a>, Span)> {
        self.events.next_event()?.ok()
    }

    fn next(&mut self) -> Option<Next> {
        loop {
            match self.event()? {
                (Event::Comment(..) | Event::Anchor(..), _) => {}
                (event, span) => return self.value(event, span),
            }
        }
    }

    /// `None` where the text cannot be followed any further.
    fn value(&mut self, event: Event<'a>, span: Span) -> Option<Next> {
        let line = self.before + span.start.line();
        let (anchor, lines, text) = match event {
            Event::Scalar(text, _, anchor, _) => (
                anchor,
                Rc::new(Lines::unknown(line)),
                Some(text.into_owned()),
            ),
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                while let Some(item) = self.next()?.lines() {
                    items.push(item);
                }
                let parts = Parts::Items(items);
                (anchor, Rc::new(Lines { line, parts }), None)
            }
            Event::MappingStart(_, anchor, _) => {
                let parts = Parts::Fields(self.fields()?);
                (anchor, Rc::new(Lines { line, parts }), None)
            }
            Event::Alias(anchor) => {
                let lines = self.anchored.get(&anchor).cloned();
                let lines = lines.unwrap_or_else(|| Rc::new(Lines::unknown(line)));
                return Some(Next::Value(lines));
            }
            _ => return Some(Next::End),
        };
        if anchor > 0 {
            self.anchored.insert(anchor, Rc::clone(&lines));
        }
        Some(match text {
            Some(text) => Next::Text(text, lines),
            None => Next::Value(lines),
        })
    }

    /// Those of a map whose beginning was read.
    fn fields(&mut self) -> Option<BTreeMap<String, Rc<Lines>>> {
        let mut fields = BTreeMap::new();
        let mut merged = Vec::new();
        loop {
            let key = self.next()?;
            if matches!(key, Next::End) {
                break;
            }
            let value = self.next()?.lines()?;
            match key {
                Next::Text(key, _) if key == "<<" => merged.push(value),
                Next::Text(key, at) => {
                    let parts = value.parts.clone();
                    let line = at.line;
                    fields.insert(key, Rc::new(Lines { line, parts }));
                }
                // Nothing in a manifest has such a key.
                Next::Value(_) | Next::End => {}
            }
        }
        for source in merged {
            merge(&mut fields, &source);
        }
        Some(fields)
    }
}

impl Next {
    fn lines(self) -> Option<Rc<Lines>> {
        match self {
            Self::Value(lines) | Self::Text(_, lines) => Some(lines),
            Self::End => None,
        }
    }
}

/// What is there already counts more; so do earlier ones of a list.
fn merge(fields: &mut BTreeMap<String, Rc<Lines>>, source: &Lines) {
    match &source.parts {
        Parts::Fields(more) => {
            for (key, value) in more {
                fields
                    .entry(key.clone())
                    .or_insert_with(|| Rc::clone(value));
            }
        }
        Parts::Items(sources) => sources.iter().for_each(|source| merge(fields, source)),
        Parts::None => {}
    }
}
