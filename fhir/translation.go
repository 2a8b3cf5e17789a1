package fhir

import "strings"

// TranslationURL is the extension that holds a text in another language (R4,
// "Support for multiple languages").
const TranslationURL = "http://hl7.org/fhir/StructureDefinition/translation"

// Translation is one text in one language (BCP 47).
type Translation struct{ Lang, Content string }

// Translated gives the text of a string element in lang: from its translation
// extension, "de-AT" falling back on "de", else the element's own text.
func (n *Node) Translated(lang string) string {
	if n == nil {
		return ""
	}
	if lang != "" {
		base, _, _ := strings.Cut(lang, "-")
		near := ""
		for _, t := range n.Translations() {
			if strings.EqualFold(t.Lang, lang) {
				return t.Content
			}
			if near == "" && (strings.EqualFold(t.Lang, base) || strings.HasPrefix(strings.ToLower(t.Lang), strings.ToLower(base)+"-")) {
				near = t.Content
			}
		}
		if near != "" {
			return near
		}
	}
	return n.String()
}

// Translations gives the translation extensions of a string element, in order.
func (n *Node) Translations() []Translation {
	var list []Translation
	for _, e := range n.Extensions(TranslationURL) {
		lang, _ := e.Extension("lang").Choice("value")
		content, _ := e.Extension("content").Choice("value")
		if lang.String() != "" && content.String() != "" {
			list = append(list, Translation{Lang: lang.String(), Content: content.String()})
		}
	}
	return list
}

// SetText sets a string element and its translations, which go into the _x
// sibling, and returns o.
func (o *Object) SetText(name, text string, translations ...Translation) *Object {
	extra := NewObject()
	for _, t := range translations {
		if t.Lang == "" || t.Content == "" {
			continue
		}
		extra.Append("extension", NewObject().
			Set("url", TranslationURL).
			Append("extension", NewObject().Set("url", "lang").Set("valueCode", t.Lang)).
			Append("extension", NewObject().Set("url", "content").Set("valueString", t.Content)))
	}
	return o.Set(name, text).Set("_"+name, extra)
}
