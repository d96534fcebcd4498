//! Matrix HTML to blocks: html5ever's tokenizer feeds the [`Builder`](super::builder::Builder), which keeps
//! no tree; so the work is linear in the input, and nothing recurses however deep the markup nests.
//!
//! Spec: <https://spec.matrix.org/v1.16/client-server-api/#mroommessage-msgtypes> ("formatted_body")

use std::cell::RefCell;

use html5ever::{
    tendril::StrTendril,
    tokenizer::{
        BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
        states::RawKind,
    },
};
use ruma::UserId;

use super::{MAX_INPUT, builder::Builder, clusters, cut};
use crate::view::room::Block;

/// Blocks of a formatted body. Never fails: what is not known is passed over, its text kept.
pub fn blocks_from_html(html: &str, own: Option<&UserId>) -> Vec<Block> {
    let tokenizer = Tokenizer::new(
        Sink(RefCell::new(Builder::new(own))),
        TokenizerOpts::default(),
    );
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(cut(html, MAX_INPUT)));
    // The sink never asks for a script to be run, so one feed consumes everything.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    let mut blocks = tokenizer.sink.0.into_inner().finish();
    clusters::tame_blocks(&mut blocks);
    blocks
}

struct Sink<'a>(RefCell<Builder<'a>>);

impl TokenSink for Sink<'_> {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut builder = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => builder.text(&text),
            Token::TagToken(tag) => return tag_token(&mut builder, &tag),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

fn tag_token(builder: &mut Builder<'_>, tag: &Tag) -> TokenSinkResult<()> {
    let name: &str = &tag.name;
    if tag.kind == TagKind::EndTag {
        builder.end(name);
        return TokenSinkResult::Continue;
    }
    builder.start(name, &|wanted| {
        tag.attrs
            .iter()
            .find(|attribute| &*attribute.name.local == wanted)
            .map(|attribute| attribute.value.to_string())
    });
    match name {
        // Their content is not markup and is never shown.
        "script" | "style" | "iframe" | "noembed" | "noframes" | "xmp" if !tag.self_closing => {
            TokenSinkResult::RawData(RawKind::Rawtext)
        }
        "title" | "textarea" if !tag.self_closing => TokenSinkResult::RawData(RawKind::Rcdata),
        _ => TokenSinkResult::Continue,
    }
}
