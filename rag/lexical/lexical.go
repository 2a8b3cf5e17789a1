// Package lexical ranks passages by words: BM25 over stems and character
// 4-grams, German and English, in one immutable index. It owns tokens, postings
// and scores; it refuses I/O and knows nothing of documents or concepts.
package lexical
