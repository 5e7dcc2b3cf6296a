package gcp

import (
	"maps"
	"slices"
	"strings"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// Labels know only lower-case letters, digits, _ and -, so that tags are written in another way: dots and slashes of keys
// become -, the slash of a resource's name becomes _ (which is in no such name).
const (
	labelCluster = "opsgen-io-cluster"
	labelName    = "opsgen-io-name"
	labelVersion = "opsgen-io-version"
)

// labels are tags as labels.
func labels(tags map[string]string) map[string]string {
	return map[string]string{
		labelCluster: tags[engine.TagCluster],
		labelName:    strings.ReplaceAll(tags[engine.TagName], "/", "_"),
		labelVersion: labelText(tags[engine.TagVersion]),
	}
}

// labelText replaces what a label's value may not hold.
func labelText(text string) string {
	text = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, strings.ToLower(text))
	return text[:min(len(text), mostLabel)]
}

// mostLabel is the length of a label's value.
const mostLabel = 63

// tags are labels as tags; nil when they are not ours.
func tags(labels map[string]string) map[string]string {
	if labels[labelCluster] == "" {
		return nil
	}
	return map[string]string{
		engine.TagCluster: labels[labelCluster],
		engine.TagName:    strings.ReplaceAll(labels[labelName], "_", "/"),
		engine.TagVersion: labels[labelVersion],
	}
}

// description is tags as text, for kinds that have no labels (networks, routers, service accounts).
func description(tags map[string]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		parts = append(parts, key+"="+tags[key])
	}
	return strings.Join(parts, " ")
}

// described are the tags in a description. Other words in it are of people.
func described(text string) map[string]string {
	tags := map[string]string{}
	for word := range strings.FieldsSeq(text) {
		if key, value, found := strings.Cut(word, "="); found && strings.HasPrefix(key, "opsgen.io/") {
			tags[key] = value
		}
	}
	return tags
}
