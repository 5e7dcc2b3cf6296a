package gcpfake

import (
	"slices"
	"strings"
)

// pageSize is small, so that whoever reads only the first page is found out.
const pageSize = 2

// paged answers with one page of a list. Tokens are names, as Google's are: what is deleted meanwhile moves no page.
func (k *call) paged(key string, list []any) {
	name := func(item any) string {
		object, ok := item.(map[string]any)
		if !ok {
			return ""
		}
		return text(object["name"]) + " " + text(object["type"]) + text(object["generation"])
	}
	slices.SortFunc(list, func(a, b any) int { return strings.Compare(name(a), name(b)) })
	if token := k.request.URL.Query().Get("pageToken"); token != "" {
		list = slices.DeleteFunc(list, func(item any) bool { return name(item) <= token })
	}
	answer := map[string]any{key: list}
	if len(list) > pageSize {
		answer[key], answer["nextPageToken"] = list[:pageSize], name(list[pageSize-1])
	}
	k.answer(answer)
}
