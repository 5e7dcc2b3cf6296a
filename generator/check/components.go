package check

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// components are rules about how particular programs are run.
func components(s subject, w *workload) {
	for c := range w.containers() {
		switch {
		case program(c.Image) == "memcached":
			memcached(s, c)
		case program(c.Image) == "external-dns":
			externalDNS(s, c)
		}
	}
	if w.is("loki", "compactor") && w.replicas != 1 { // L6
		s.add(ruleLokiCompactor, "spec.replicas", "Write 1.", "%d compactors of Loki would overwrite each other's delete requests", w.replicas)
	}
}

// program is the last part of an image's repository: "grafana" of "docker.io/grafana/grafana:13.1.0".
func program(image string) string {
	repository, _, _ := strings.Cut(image, "@")
	name, _, _ := strings.Cut(path.Base(repository), ":")
	return name
}

// flags reads a container's command line: "--a=b" and "-a b" both give a: b, a flag alone gives "true".
func flags(c container) map[string]string {
	args := slices.Concat(c.Command, c.Args)
	out := map[string]string{}
	for i := 0; i < len(args); i++ {
		if !strings.HasPrefix(args[i], "-") || args[i] == "-" {
			continue
		}
		name, value, has := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		if !has && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
			i++
			value, has = args[i], true
		}
		if !has {
			value = "true"
		}
		out[name] = value
	}
	return out
}

const mebibyte = 1 << 20

// itemMemory is the memory for items that memcached is given, in bytes.
func itemMemory(c container) (int64, bool) {
	set := flags(c)
	value, ok := set["m"]
	if !ok {
		value, ok = set["memory-limit"]
	}
	if !ok {
		return 64 * mebibyte, true
	}
	megabytes, err := strconv.ParseInt(value, 10, 64)
	return megabytes * mebibyte, err == nil
}

// memcached needs memory besides its items: hash table, connections, and the slack of its slabs (M5).
func memcached(s subject, c container) {
	items, ok := itemMemory(c)
	limit := c.Resources.Limits.Memory().Value()
	if !ok || limit == 0 {
		return
	}
	if need := items + items/5 + 100*mebibyte; limit < need {
		s.add(ruleMemcachedMemory, c.path+".resources.limits.memory", "Raise it, or lower -m.",
			"memcached keeps %d MiB of items (-m) and needs a limit of at least %d MiB, but has %d MiB", items/mebibyte, need/mebibyte, limit/mebibyte)
	}
}

// externalDNS must be told what its releases have changed the defaults of (ED1, ED2, ED4, ED5).
func externalDNS(s subject, c container) {
	set := flags(c)
	for _, flag := range []struct{ name, why string }{
		{"policy", "without one it does not start, or deletes records"},
		{"annotation-prefix", "its default changed, and whoever follows loses all records"},
		{"txt-owner-id", "clusters that share a zone would take each other's records"},
	} {
		if set[flag.name] == "" {
			s.add(ruleDNSArguments, c.path+".args", "Write it and never change it.", "external-dns lacks --%s: %s", flag.name, flag.why)
		}
	}
	if set["txt-owner-id"] == "default" {
		s.add(ruleDNSArguments, c.path+".args", "Write a name of this cluster.", "--txt-owner-id=default is what every other installation has too")
	}
	if registry, ok := set["registry"]; ok && registry != "txt" {
		s.add(ruleDNSArguments, c.path+".args", "Write --registry=txt.", "--registry=%s keeps no ownership, so that foreign records would be deleted", registry)
	}
	for _, arg := range c.Args {
		if value, ok := strings.CutPrefix(arg, "--managed-record-types="); ok && strings.EqualFold(value, "TXT") {
			s.add(ruleDNSArguments, c.path+".args", "Leave TXT out.", "external-dns cannot tell TXT records of its own from others")
		}
	}
}

// certificate says whether keys are rotated, since the default changed (K6).
func certificate(s subject) {
	if !isCertificate(s.object) {
		return
	}
	if text(s.object.Object, "spec", "privateKey", "rotationPolicy") == "" {
		s.add(ruleCertificateRotation, "spec.privateKey.rotationPolicy", "Write Always, and let readers reload the Secret; or Never.",
			"whether a renewal makes a new key is not said, and the default has changed")
	}
}
