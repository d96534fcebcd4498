//! Formatted text as blocks a timeline can draw: Matrix HTML and plain text become the same shape.

/// A block of a message body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// Running text.
    Paragraph(Inline),
    /// A heading of level 1–6.
    Heading {
        /// 1–6.
        level: u8,
        /// Its text.
        text: Inline,
    },
    /// A code block.
    Code {
        /// As named by the sender ("rust"), or empty.
        language: String,
        /// The text as it is.
        text: String,
    },
    /// Quoted blocks.
    Quote(Vec<Block>),
    /// A list item; nesting is told by `depth`, numbering by `number`.
    Item {
        /// 0 for the outermost list.
        depth: u8,
        /// `None` for a bullet.
        number: Option<u64>,
        /// Its text.
        text: Inline,
    },
    /// A table: rows of cells; the first may be a header.
    Table {
        /// Whether the first row is a header.
        header: bool,
        /// Rows.
        rows: Vec<Vec<TableCell>>,
    },
    /// Text hidden until tapped.
    Spoiler {
        /// Why, as the sender gave it, or empty.
        reason: String,
        /// What is hidden.
        blocks: Vec<Block>,
    },
    /// A line across.
    Rule,
    /// A picture inside the text, by its alternative text (fetched only on demand).
    Image {
        /// `mxc:` address.
        source: String,
        /// Alternative text.
        alt: String,
    },
}

/// A cell of a table.
pub type TableCell = Inline;

/// Text with marks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inline {
    /// Runs of equal marks, in order.
    pub spans: Vec<Span>,
}

/// A run of text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The text; `\n` breaks the line.
    pub text: String,
    /// Bold.
    pub bold: bool,
    /// Italic.
    pub italic: bool,
    /// Struck through.
    pub strike: bool,
    /// Underlined.
    pub underline: bool,
    /// Code.
    pub code: bool,
    /// Hidden until tapped.
    pub spoiler: bool,
    /// `#rrggbb` as the sender set it.
    pub color: Option<String>,
    /// Where it leads: `https:`, `mailto:`, `matrix:`; never anything else.
    pub link: Option<String>,
    /// The link is a person or room: drawn as a pill; `true` if it is us.
    pub mention: Option<bool>,
}

impl Inline {
    /// Text without marks.
    pub fn plain(text: impl Into<String>) -> Self {
        Self {
            spans: vec![Span {
                text: text.into(),
                ..Span::default()
            }],
        }
    }

    /// The text alone.
    pub fn text(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }
}
