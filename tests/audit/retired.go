package main

import (
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// disorder is how far entries may be out of the order of their times: a request is written when it ends, and bears when it began.
const disorder = 24 * time.Hour

// retired is what a log says of entries whose content was removed, and which those are.
type retired struct {
	gone []run
	said []retirement
	// last is the time of the last entry that is there, none as long as there was none.
	last int64
	// latest is the latest time of what is said.
	latest int64
}

// run is entries that are gone, one after the other, and the time of the one before them.
type run struct{ first, last, after int64 }

// retirement is the record that says which entries were to be removed; it is entry at.
type retirement struct {
	at       int64
	Time     int64 `json:"time"`
	Metadata struct {
		Code string `json:"event_code"`
	} `json:"metadata"`
	Unmapped struct {
		Rules []struct {
			Retention string `json:"retention"`
			Before    int64  `json:"before"`
		} `json:"rules"`
		Ranges [][2]int64 `json:"ranges"`
	} `json:"unmapped"`
}

// tombstone reads what stands in the place of an entry whose content was removed: the hash that the tree was built of.
func tombstone(entry []byte) (tlog.Hash, bool) {
	encoded, begins := strings.CutPrefix(string(entry), `{"retired":"`)
	encoded, ends := strings.CutSuffix(encoded, `"}`)
	if !begins || !ends {
		return tlog.Hash{}, false
	}
	hash, err := tlog.ParseHash(encoded)
	return hash, err == nil
}

// survives notes an entry that is there.
func (r *retired) survives(index int64, entry []byte) error {
	said := retirement{at: index}
	if err := json.Unmarshal(entry, &said); err != nil {
		return fmt.Errorf("entry %d is no record: %w", index, err)
	}
	if r.latest > said.Time+disorder.Milliseconds() {
		return fmt.Errorf("entry %d: what retires records before it is dated later", index)
	}
	r.last = said.Time
	if said.Metadata.Code == "retirement" {
		r.said = append(r.said, said)
		r.latest = max(r.latest, said.Time)
	}
	return nil
}

// isGone notes one of which only the hash is.
func (r *retired) isGone(index int64) {
	if n := len(r.gone); n > 0 && r.gone[n-1].last+1 == index {
		r.gone[n-1].last = index
		return
	}
	r.gone = append(r.gone, run{index, index, r.last})
}

// prove says of how many entries the log itself says that it was their time; an error if it does not of one.
func (r *retired) prove() (int64, error) {
	var latest, count int64
	for _, said := range r.said {
		for _, rule := range said.Unmapped.Rules {
			cutoff, err := cutoff(rule.Retention, said.Time)
			if err != nil {
				return 0, fmt.Errorf("entry %d: %w", said.at, err)
			}
			if rule.Before > cutoff {
				return 0, fmt.Errorf("entry %d: it retires what was not kept for `%s`", said.at, rule.Retention)
			}
			latest = max(latest, rule.Before)
		}
	}
	for _, run := range r.gone {
		for index := run.first; index <= run.last; index++ {
			if !r.isSaid(index) {
				return 0, fmt.Errorf("entry %d: its content is gone, and no entry says that it was to be", index)
			}
			count++
		}
		if run.after > latest+disorder.Milliseconds() {
			return 0, fmt.Errorf("entry %d: what is before it is newer than anything that was to be retired", run.first)
		}
	}
	return count, nil
}

// isSaid is whether a later entry says that this one was to be removed.
func (r *retired) isSaid(index int64) bool {
	for _, said := range r.said {
		ranges := said.Unmapped.Ranges
		at := sort.Search(len(ranges), func(i int) bool { return ranges[i][1] >= index })
		if at < len(ranges) && ranges[at][0] <= index && index < said.at {
			return true
		}
	}
	return false
}

// cutoff is the beginning of the UTC day before which records had been kept for long enough, by the calendar: `90d`, `18mo`, `5y`.
func cutoff(retention string, now int64) (int64, error) {
	at := strings.IndexFunc(retention, func(letter rune) bool { return letter < '0' || letter > '9' })
	count, err := strconv.Atoi(retention[:max(at, 0)])
	if err != nil {
		return 0, fmt.Errorf("`%s` is no time to keep a record", retention)
	}
	year, month, day := time.UnixMilli(now).UTC().Date()
	date := func(year int, month time.Month, day int) time.Time {
		return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	}
	switch retention[at:] {
	case "d":
		return date(year, month, day-count).UnixMilli(), nil
	case "mo":
		month -= time.Month(count)
	case "y":
		year -= count
	default:
		return 0, fmt.Errorf("`%s` is no time to keep a record", retention)
	}
	// The month before the 31st may have 28 days.
	return date(year, month, min(day, date(year, month+1, 0).Day())).UnixMilli(), nil
}
