package diff

import (
	"encoding/json"
	"fmt"
	"unicode"
)

// pair is one difference between two lists by the items' numbers; -1 stands for no item.
type pair struct{ old, new int }

// maxCells bounds the table for the longest common subsequence; longer lists are compared item by item.
const maxCells = 4_000_000

// pairs matches equal items of two lists in their order, and returns all others: between two matches, the first old one
// belongs to the first new one, and so on.
func pairs(old, current []any) []pair {
	a, b := digests(old), digests(current)
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		start++
	}
	endA, endB := len(a), len(b)
	for endA > start && endB > start && a[endA-1] == b[endB-1] {
		endA, endB = endA-1, endB-1
	}
	var differences []pair
	i, j := start, start
	for _, m := range matches(a[start:endA], b[start:endB]) {
		differences = append(differences, gap(i, m.old+start, j, m.new+start)...)
		i, j = m.old+start+1, m.new+start+1
	}
	return append(differences, gap(i, endA, j, endB)...)
}

func gap(i, endA, j, endB int) []pair {
	var list []pair
	for i < endA || j < endB {
		p := pair{-1, -1}
		if i < endA {
			p.old, i = i, i+1
		}
		if j < endB {
			p.new, j = j, j+1
		}
		list = append(list, p)
	}
	return list
}

// matches are the items of a longest common subsequence.
func matches(a, b []string) []pair {
	if len(a) == 0 || len(b) == 0 || len(a)*len(b) > maxCells {
		return nil
	}
	width := len(b) + 1
	longest := make([]int32, (len(a)+1)*width)
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				longest[i*width+j] = longest[(i+1)*width+j+1] + 1
			} else {
				longest[i*width+j] = max(longest[(i+1)*width+j], longest[i*width+j+1])
			}
		}
	}
	var list []pair
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			list = append(list, pair{i, j})
			i, j = i+1, j+1
		case longest[(i+1)*width+j] >= longest[i*width+j+1]:
			i++
		default:
			j++
		}
	}
	return list
}

// digests are texts that are equal when the items are.
func digests(list []any) []string {
	texts := make([]string, len(list))
	for i, item := range list {
		if text, ok := item.(string); ok {
			texts[i] = text
			continue
		}
		encoded, err := json.Marshal(item)
		if err != nil { // JSON values can be encoded; anything else is told apart all the same
			encoded = fmt.Appendf(nil, "%#v", item)
		}
		texts[i] = string(encoded)
	}
	return texts
}

// maxShort is the most characters of a value that stand in a line.
const maxShort = 80

// short is a value on one line.
func short(value any) string {
	var text string
	switch v := value.(type) {
	case nil:
		return "nothing"
	case string:
		text = v
		if v == "" {
			return `""`
		}
	default:
		encoded, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprintf("%T", v)
		}
		text = string(encoded)
	}
	runes := []rune(text)
	for i, r := range runes {
		if !unicode.IsPrint(r) { // a value must not steer the reader's terminal
			runes[i] = ' '
		}
	}
	if len(runes) > maxShort {
		return string(runes[:maxShort-1]) + "…"
	}
	return string(runes)
}
