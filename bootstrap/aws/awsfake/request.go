package awsfake

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"slices"
	"strings"
)

// Fields are those of one call, at all depths: "scalingConfig.desiredSize", "TagSpecification.Tag.Key". Names are those on
// the wire, without what only stands between a list and its items.
type Fields struct {
	// Known are those that the fake takes. Of a map, only its name is known.
	Known []string
	// Required are those without which it refuses what they are part of.
	Required []string
}

// Knows are the calls that the fake answers, by "<service>:<action>", for a test that compares them with the SDK.
func (c *Cloud) Knows() map[string]Fields { return c.known }

// known are the calls of the table.
func known() map[string]Fields {
	all := map[string]Fields{}
	for name, text := range calls() {
		var f Fields
		for field := range strings.FieldsSeq(text) {
			plain, needed := strings.CutPrefix(field, "+")
			f.Known = append(f.Known, plain)
			if needed {
				f.Required = append(f.Required, plain)
			}
		}
		all[name] = f
	}
	return all
}

// fits refuses a call that the fake does not know, fields that the call does not know, and one without what it needs.
func (c *Cloud) fits(k *call, name string) bool {
	fields, known := c.known[name]
	code := map[string]string{"ec2": "UnknownParameter", "eks": "InvalidParameterException"}[k.service]
	if !known {
		k.fail(http.StatusBadRequest, code, "there is no call "+name)
		return false
	}
	given := k.fields()
	for _, field := range given {
		if !slices.Contains(fields.Known, field) {
			k.fail(http.StatusBadRequest, code, name+" has no field "+field)
			return false
		}
	}
	for _, field := range fields.Required {
		parent, _, nested := cutLast(field)
		if !slices.Contains(given, field) && (!nested || slices.Contains(given, parent)) {
			k.fail(http.StatusBadRequest, code, name+" lacks the field "+field)
			return false
		}
	}
	return true
}

func cutLast(field string) (parent, name string, nested bool) {
	at := strings.LastIndex(field, ".")
	if at < 0 {
		return "", field, false
	}
	return field[:at], field[at+1:], true
}

// fields are those of the request.
func (k *call) fields() []string {
	found := map[string]bool{}
	add := func(path []string) {
		for n := range path {
			found[strings.Join(path[:n+1], ".")] = true
		}
	}
	switch body := bytes.TrimSpace(k.body); {
	case len(body) == 0:
	case body[0] == '{':
		var value any
		if json.Unmarshal(body, &value) == nil {
			walkJSON(value, nil, add)
		}
	case k.service == "s3" && k.request.URL.Path != "/" && k.request.URL.Path != "": // an object, whatever is in it
	case body[0] == '<':
		walkXML(body, func(path []string) {
			if strings.HasSuffix(path[0], "Request") {
				path = path[1:] // of Route 53, it is the call
			}
			add(path)
		})
	default:
		for key := range k.form {
			if key == "Action" || key == "Version" {
				continue
			}
			add(slices.DeleteFunc(strings.Split(key, "."), func(word string) bool { return word == "member" || strings.Trim(word, "0123456789") == "" }))
		}
	}
	list := make([]string, 0, len(found))
	for field := range found {
		list = append(list, field)
	}
	slices.Sort(list)
	return list
}

func walkJSON(value any, path []string, add func([]string)) {
	switch v := value.(type) {
	case map[string]any:
		if len(path) > 0 && path[len(path)-1] == "tags" {
			return // a map: what it holds are no fields
		}
		for key, inner := range v {
			add(append(slices.Clone(path), key))
			walkJSON(inner, append(slices.Clone(path), key), add)
		}
	case []any:
		for _, inner := range v {
			walkJSON(inner, path, add)
		}
	}
}

func walkXML(body []byte, add func([]string)) {
	decoder, path := xml.NewDecoder(bytes.NewReader(body)), []string{}
	for {
		token, err := decoder.Token()
		if err != nil {
			return
		}
		switch t := token.(type) {
		case xml.StartElement:
			path = append(path, t.Name.Local)
			add(path)
		case xml.EndElement:
			path = path[:len(path)-1]
		}
	}
}
