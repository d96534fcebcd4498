//! Builds blocks from start tags, end tags and text, in one pass and with bounds on depth and number.

mod flow;
mod table;

use ruma::UserId;

use super::links::{push_linkified, push_span, set_link};
use crate::view::room::{Block, Inline, Span};

/// Quotes and spoilers nest so deep at most; what is deeper joins the innermost.
const MAX_FRAMES: usize = 16;
/// Elements open at once; more are passed over (their text is kept).
const MAX_OPEN: usize = 200;
/// Lists nest so deep at most in the picture.
const MAX_LIST_DEPTH: usize = 8;
/// Blocks a message may have.
const MAX_BLOCKS: usize = 2000;
/// Columns and rows a table may have.
const MAX_COLUMNS: usize = 32;
const MAX_ROWS: usize = 500;

type Attribute<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What an open element does when it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Effect {
    None,
    Bold,
    Italic,
    Strike,
    Underline,
    Code,
    Spoiler,
    Color,
    Link,
    Block,
    Heading,
    Pre,
    Quote,
    SpoilerBlock,
    Summary,
    List,
    Item,
    Table,
    Row,
    Cell,
    Hidden,
}

struct Open {
    name: String,
    effect: Effect,
}

/// Something that holds blocks.
enum Frame {
    Root,
    Quote,
    Spoiler { reason: String },
}

struct List {
    next_number: Option<u64>,
}

#[derive(Default)]
struct Table {
    header: bool,
    rows: Vec<Vec<Inline>>,
    row: Vec<Inline>,
    only_header_cells: bool,
}

/// See the module's description.
pub(super) struct Builder<'a> {
    own: Option<&'a UserId>,
    open: Vec<Open>,
    frames: Vec<(Frame, Vec<Block>)>,
    lists: Vec<List>,
    /// The item begun and not yet shown; becomes a block with the first text.
    item: Option<(u8, Option<u64>)>,
    /// Where the blocks of the item under way begin, so that later paragraphs join it.
    in_item: bool,
    table: Option<Table>,
    inline: Inline,
    heading: Option<u8>,
    pre: Option<(String, String)>,
    hidden: usize,
    n_blocks: usize,
    bold: usize,
    italic: usize,
    strike: usize,
    underline: usize,
    code: usize,
    spoiler: usize,
    colors: Vec<String>,
    links: Vec<Option<String>>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(own: Option<&'a UserId>) -> Self {
        Self {
            own,
            open: Vec::new(),
            frames: vec![(Frame::Root, Vec::new())],
            lists: Vec::new(),
            item: None,
            in_item: false,
            table: None,
            inline: Inline::default(),
            heading: None,
            pre: None,
            hidden: 0,
            n_blocks: 0,
            bold: 0,
            italic: 0,
            strike: 0,
            underline: 0,
            code: 0,
            spoiler: 0,
            colors: Vec::new(),
            links: Vec::new(),
        }
    }

    /// Text between tags, entities already resolved.
    pub(super) fn text(&mut self, text: &str) {
        if self.hidden > 0 {
            return;
        }
        if let Some((_, code)) = &mut self.pre {
            code.push_str(text);
            return;
        }
        let text = self.collapse(text);
        if text.is_empty() {
            return;
        }
        let mut style = self.style();
        match self.links.iter().rev().flatten().next().cloned() {
            Some(address) => {
                set_link(&mut style, &address, self.own);
                match self.inline.spans.last_mut() {
                    Some(last)
                        if last.link.is_some()
                            && Span {
                                text: last.text.clone(),
                                ..style.clone()
                            } == *last =>
                    {
                        last.text.push_str(&text);
                    }
                    _ => self.inline.spans.push(Span { text, ..style }),
                }
            }
            None if self.code > 0 => push_span(&mut self.inline.spans, &text, &style),
            None => push_linkified(&mut self.inline.spans, &text, &style, self.own),
        }
    }

    /// A start tag; `attribute` looks one up by name.
    pub(super) fn start(&mut self, name: &str, attribute: Attribute<'_>) {
        match name {
            "br" => return self.line_break(),
            "hr" if self.hidden == 0 && self.table.is_none() => {
                self.flush();
                return self.push_block(Block::Rule);
            }
            "img" => return self.image(attribute),
            "hr" | "input" | "wbr" | "col" | "meta" | "link" | "source" | "area" | "base"
            | "embed" | "param" | "track" => return,
            _ => {}
        }
        if self.open.len() >= MAX_OPEN {
            return;
        }
        let effect = if self.hidden > 0 {
            Effect::None
        } else {
            self.begin(name, attribute)
        };
        self.open.push(Open {
            name: name.to_owned(),
            effect,
        });
    }

    /// An end tag; closes what is still open inside it.
    pub(super) fn end(&mut self, name: &str) {
        if name == "br" || name == "p" && !self.is_open("p") {
            return self.line_break();
        }
        let Some(at) = self.open.iter().rposition(|open| open.name == name) else {
            return;
        };
        while self.open.len() > at {
            if let Some(open) = self.open.pop() {
                self.finish_effect(open.effect);
            }
        }
    }

    /// The blocks.
    pub(super) fn finish(mut self) -> Vec<Block> {
        while let Some(open) = self.open.pop() {
            self.finish_effect(open.effect);
        }
        self.flush();
        while self.frames.len() > 1 {
            self.close_frame();
        }
        self.frames
            .pop()
            .map(|(_, blocks)| blocks)
            .unwrap_or_default()
    }

    fn is_open(&self, name: &str) -> bool {
        self.open.iter().any(|open| open.name == name)
    }

    fn begin(&mut self, name: &str, attribute: Attribute<'_>) -> Effect {
        match name {
            "b" | "strong" => count(&mut self.bold, Effect::Bold),
            "i" | "em" => count(&mut self.italic, Effect::Italic),
            "s" | "del" | "strike" => count(&mut self.strike, Effect::Strike),
            "u" | "ins" => count(&mut self.underline, Effect::Underline),
            "code" | "tt" | "kbd" | "samp" => self.begin_code(attribute),
            "a" => {
                self.links.push(attribute("href"));
                Effect::Link
            }
            "span" | "font" => self.begin_span(attribute),
            "p" | "div" | "center" | "dl" | "dd" | "dt" | "section" | "article" | "figure"
            | "figcaption" | "address" | "header" | "footer" | "main" => {
                self.close_paragraph(name);
                self.flush();
                Effect::Block
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.flush();
                self.heading = name[1..].parse().ok();
                Effect::Heading
            }
            "pre" | "listing" => {
                self.flush();
                if self.pre.is_none() {
                    self.pre = Some((String::new(), String::new()));
                    Effect::Pre
                } else {
                    Effect::None
                }
            }
            "blockquote" => self.begin_frame(Frame::Quote, Effect::Quote),
            "details" => self.begin_frame(
                Frame::Spoiler {
                    reason: String::new(),
                },
                Effect::SpoilerBlock,
            ),
            "summary" => {
                self.flush();
                Effect::Summary
            }
            "ul" | "ol" => self.begin_list(name, attribute),
            "li" => self.begin_item(),
            "table" => self.begin_table(),
            "tr" | "td" | "th"
                if self.open.iter().filter(|open| open.name == "table").count() > 1 =>
            {
                self.flush();
                Effect::Block
            }
            "tr" if self.table.is_some() => {
                self.end_row();
                Effect::Row
            }
            "td" | "th" if self.table.is_some() => {
                self.end_open_cell();
                if let Some(table) = &mut self.table
                    && name == "td"
                {
                    table.only_header_cells = false;
                }
                Effect::Cell
            }
            "mx-reply" | "script" | "style" | "title" | "textarea" | "iframe" | "noembed"
            | "noframes" | "xmp" | "select" | "object" | "svg" | "math" | "template" => {
                count(&mut self.hidden, Effect::Hidden)
            }
            _ => Effect::None,
        }
    }

    /// HTML lets a paragraph go unclosed: the next block ends it.
    fn close_paragraph(&mut self, name: &str) {
        if name == "p" && self.open.last().is_some_and(|open| open.name == "p") {
            self.open.pop();
        }
    }

    fn begin_code(&mut self, attribute: Attribute<'_>) -> Effect {
        if let Some((language, text)) = &mut self.pre {
            if text.trim().is_empty()
                && let Some(named) = attribute("class")
                    .and_then(|class| class.split_whitespace().find_map(language_of_class))
            {
                *language = named;
            }
            return Effect::None;
        }
        count(&mut self.code, Effect::Code)
    }

    fn begin_span(&mut self, attribute: Attribute<'_>) -> Effect {
        if let Some(reason) = attribute("data-mx-spoiler") {
            if !reason.trim().is_empty() {
                let style = self.style();
                push_span(
                    &mut self.inline.spans,
                    &format!("({}) ", reason.trim()),
                    &style,
                );
            }
            return count(&mut self.spoiler, Effect::Spoiler);
        }
        let color = attribute("data-mx-color").or_else(|| attribute("color"));
        match color.as_deref().and_then(valid_color) {
            Some(color) => {
                self.colors.push(color);
                Effect::Color
            }
            None => Effect::None,
        }
    }

    fn begin_frame(&mut self, frame: Frame, effect: Effect) -> Effect {
        self.flush();
        if self.frames.len() >= MAX_FRAMES || self.table.is_some() {
            return Effect::Block;
        }
        self.frames.push((frame, Vec::new()));
        effect
    }

    fn begin_list(&mut self, name: &str, attribute: Attribute<'_>) -> Effect {
        self.flush();
        self.in_item = false;
        let next_number = (name == "ol").then(|| {
            attribute("start")
                .and_then(|start| start.trim().parse().ok())
                .unwrap_or(1)
        });
        self.lists.push(List { next_number });
        Effect::List
    }

    fn begin_item(&mut self) -> Effect {
        // An item may go unclosed: the next one ends it.
        if self.open.last().is_some_and(|open| open.name == "li")
            && let Some(open) = self.open.pop()
        {
            self.finish_effect(open.effect);
        }
        self.flush();
        let depth = self.lists.len().saturating_sub(1).min(MAX_LIST_DEPTH) as u8;
        let number = match self.lists.last_mut() {
            Some(List {
                next_number: Some(number),
            }) => {
                let this = *number;
                *number = number.saturating_add(1);
                Some(this)
            }
            _ => None,
        };
        self.item = Some((depth, number));
        self.in_item = true;
        Effect::Item
    }

    fn finish_effect(&mut self, effect: Effect) {
        match effect {
            Effect::None => {}
            Effect::Bold => less(&mut self.bold),
            Effect::Italic => less(&mut self.italic),
            Effect::Strike => less(&mut self.strike),
            Effect::Underline => less(&mut self.underline),
            Effect::Code => less(&mut self.code),
            Effect::Spoiler => less(&mut self.spoiler),
            Effect::Hidden => less(&mut self.hidden),
            Effect::Color => drop(self.colors.pop()),
            Effect::Link => drop(self.links.pop()),
            Effect::Block => self.flush(),
            Effect::Heading => {
                self.flush();
                self.heading = None;
            }
            Effect::Pre => self.end_pre(),
            Effect::Quote | Effect::SpoilerBlock => {
                self.flush();
                self.close_frame();
            }
            Effect::Summary => self.end_summary(),
            Effect::List => {
                self.flush();
                self.lists.pop();
                self.in_item = false;
            }
            Effect::Item => {
                self.flush();
                // An empty item is still an item.
                if let Some((depth, number)) = self.item.take() {
                    self.push_block(Block::Item {
                        depth,
                        number,
                        text: Inline::default(),
                    });
                }
                self.in_item = false;
            }
            Effect::Row => self.end_row(),
            Effect::Cell => self.end_cell(),
            Effect::Table => self.end_table(),
        }
    }

    fn end_pre(&mut self) {
        let Some((language, text)) = self.pre.take() else {
            return;
        };
        let text = text
            .strip_prefix('\n')
            .unwrap_or(&text)
            .trim_end()
            .to_owned();
        if let Some((depth, number)) = self.item.take() {
            self.push_block(Block::Item {
                depth,
                number,
                text: Inline::default(),
            });
        }
        if self.table.is_some() {
            let style = Span {
                code: true,
                ..self.style()
            };
            return push_span(&mut self.inline.spans, &text, &style);
        }
        self.push_block(Block::Code { language, text });
    }

    fn end_summary(&mut self) {
        let text = std::mem::take(&mut self.inline).text();
        if let Some((Frame::Spoiler { reason }, _)) = self.frames.last_mut() {
            *reason = text.trim().to_owned();
        }
    }

    fn close_frame(&mut self) {
        let Some((frame, blocks)) = self.frames.pop() else {
            return;
        };
        match frame {
            Frame::Root => self.frames.push((Frame::Root, blocks)),
            Frame::Quote if blocks.is_empty() => {}
            Frame::Quote => self.push_block(Block::Quote(blocks)),
            Frame::Spoiler { reason } => {
                if !blocks.is_empty() || !reason.is_empty() {
                    self.push_block(Block::Spoiler { reason, blocks });
                }
            }
        }
    }

    fn image(&mut self, attribute: Attribute<'_>) {
        if self.hidden > 0 {
            return;
        }
        let alt = attribute("alt")
            .or_else(|| attribute("title"))
            .unwrap_or_default();
        let source = attribute("src").filter(|source| source.starts_with("mxc://"));
        match source {
            // Custom emoji stand in the text; so does the alternative text of what may not be fetched.
            Some(source) if attribute("data-mx-emoticon").is_none() && self.table.is_none() => {
                self.flush();
                self.push_block(Block::Image { source, alt });
            }
            _ => {
                let style = self.style();
                push_span(&mut self.inline.spans, &alt, &style);
            }
        }
    }
}

fn count(counter: &mut usize, effect: Effect) -> Effect {
    *counter += 1;
    effect
}

fn less(counter: &mut usize) {
    *counter = counter.saturating_sub(1);
}

fn language_of_class(class: &str) -> Option<String> {
    let language = class.strip_prefix("language-")?;
    let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '#' | '.' | '_');
    (!language.is_empty() && language.len() <= 32 && language.chars().all(ok))
        .then(|| language.to_owned())
}

fn valid_color(color: &str) -> Option<String> {
    let digits = color.trim().strip_prefix('#')?;
    (digits.len() == 6 && digits.chars().all(|c| c.is_ascii_hexdigit()))
        .then(|| format!("#{}", digits.to_ascii_lowercase()))
}

#[cfg(test)]
#[path = "builder_tests.rs"]
mod tests;
