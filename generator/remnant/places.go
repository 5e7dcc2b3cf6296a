package remnant

import "strings"

// A Place is a folder of a bucket, or one object, that is a tenant's alone.
type Place struct {
	// Bucket is the bucket's name.
	Bucket string
	// Key is the object's key, or the folder's without the slash at its end.
	Key string
	// What is there, in words.
	What string
	// Later says what removes it when all data is gone, and when; empty for data.
	Later string
}

// holds says whether an object is in the place. The threat of a plain prefix: the tenant "pay" would have all that
// "payments" has.
func (p Place) holds(key string) bool {
	return key == p.Key || strings.HasPrefix(key, p.Key+"/")
}

// Buckets are the names of a cluster's buckets.
type Buckets struct{ Metrics, Logs, Rules string }

// indexFolder holds a folder for each table of Loki's index, which is one a day.
const indexFolder = "index/"

// places are all but those of Loki's index. The order is that in which people are told.
func (b Buckets) places(id string) []Place {
	return []Place{
		{Bucket: b.Metrics, Key: id + "/markers", What: "Cortex' marks of blocks", Later: "Cortex' compactor removes them 6 hours after the last block"},
		{Bucket: b.Metrics, Key: id + "/debug", What: "Cortex' notes on blocks", Later: "Cortex' compactor removes them 6 hours after the last block"},
		{Bucket: b.Metrics, Key: id, What: "blocks of metrics"},
		{Bucket: b.Metrics, Key: "__markers__/" + id, What: "Cortex' mark of the deletion", Later: "Cortex' compactor removes it 6 hours after the last block"},
		{Bucket: b.Rules, Key: "rules/" + id, What: "rules of metrics"},
		{Bucket: b.Rules, Key: "alerts/" + id, What: "the Alertmanager's configuration"},
		{Bucket: b.Rules, Key: "alertmanager/" + id, What: "silences and notifications", Later: "Cortex' Alertmanagers remove them when they next read their configurations"},
		{Bucket: b.Rules, Key: "loki/rules/" + id, What: "rules of logs"},
		{Bucket: b.Logs, Key: id, What: "chunks of logs"},
	}
}

// inTable is a tenant's part of one table of the index.
func (b Buckets) inTable(table, id string) Place {
	return Place{Bucket: b.Logs, Key: table + id, What: "index of logs"}
}
