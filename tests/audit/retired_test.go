package main

import (
	"strconv"
	"testing"
	"time"
)

func millis(text string) int64 {
	at, err := time.Parse("2006-01-02", text)
	if err != nil {
		panic(err)
	}
	return at.UnixMilli()
}

func TestRecordsAreKeptByTheCalendar(t *testing.T) {
	now := millis("2028-03-31") + 12*time.Hour.Milliseconds()
	for retention, day := range map[string]string{
		"30d": "2028-03-01", "1mo": "2028-02-29", "13mo": "2027-02-28", "5y": "2023-03-31",
	} {
		if cutoff, err := cutoff(retention, now); err != nil || cutoff != millis(day) {
			t.Errorf("%s: %v %v", retention, time.UnixMilli(cutoff).UTC(), err)
		}
	}
	for _, nothing := range []string{"", "5", "y", "-5y", "5 y", "5w"} {
		if _, err := cutoff(nothing, now); err == nil {
			t.Errorf("%q is no time", nothing)
		}
	}
}

func TestWhatIsGoneIsSaidAfterwardsAndInItsTime(t *testing.T) {
	entry := func(day, unmapped string) []byte {
		return []byte(`{"time":` + strconv.FormatInt(millis(day), 10) + `,"metadata":{"event_code":"retirement"},"unmapped":` + unmapped + `}`)
	}
	says := func(retention, before string) string {
		return `{"rules":[{"retention":"` + retention + `","before":` + strconv.FormatInt(millis(before), 10) + `}],"ranges":[[1,2]]}`
	}
	for name, of := range map[string]struct {
		gone     []int64
		unmapped string
		count    int64
	}{
		"in its time":          {[]int64{1, 2}, says("5y", "2023-01-01"), 2},
		"one of them yet":      {[]int64{1}, says("5y", "2023-01-01"), 1},
		"not said":             {[]int64{3}, says("5y", "2023-01-01"), -1},
		"said of what follows": {[]int64{1}, `{"rules":[],"ranges":[[9,9]]}`, -1},
		"not kept for so long": {[]int64{1}, says("5y", "2024-01-01"), -1},
		"newer than any":       {[]int64{1}, says("10y", "2018-01-01"), -1},
	} {
		var seen retired
		for index := int64(0); index < 4; index++ {
			if len(of.gone) > 0 && of.gone[0] == index {
				seen.isGone(index)
				of.gone = of.gone[1:]
			} else if err := seen.survives(index, entry("2022-06-01", `{}`)); err != nil {
				t.Fatal(err)
			}
		}
		if err := seen.survives(4, entry("2028-01-01", of.unmapped)); err != nil {
			t.Fatal(err)
		}
		count, err := seen.prove()
		if (err != nil) != (of.count < 0) || err == nil && count != of.count {
			t.Errorf("%s: %d %v", name, count, err)
		}
	}
}
