// Checks a log of Poort's with an implementation that shares nothing with it: Go's own, which guards the Go module database.
//
// usage: audit DIRECTORY VERIFIER-KEY [ANCHOR]
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func main() {
	if len(os.Args) < 3 || len(os.Args) > 4 {
		fail("usage: audit DIRECTORY VERIFIER-KEY [ANCHOR]")
	}
	verifier, err := note.NewVerifier(os.Args[2])
	if err != nil {
		fail(err)
	}
	tree, hashes, err := open(os.Args[1], verifier)
	if err != nil {
		fail(err)
	}
	// First: what was retired is said at the end, which may have been cut off.
	anchored := -1
	if len(os.Args) == 4 {
		if anchored, err = goesOn(os.Args[3], verifier, tree, hashes); err != nil {
			fail(err)
		}
	}
	retired, err := check(os.Args[1], tree, hashes)
	if err != nil {
		fail(err)
	}
	fmt.Printf("%d entries\n", tree.N)
	if retired > 0 {
		fmt.Printf("%d of them retired in their time\n", retired)
	}
	if anchored >= 0 {
		fmt.Printf("it goes on from %d anchored checkpoints\n", anchored)
	}
}

func fail(what any) {
	fmt.Fprintln(os.Stderr, what)
	os.Exit(1)
}

// open reads the checkpoint of a log and holds the tiles' root against it.
func open(directory string, verifier note.Verifier) (tlog.Tree, tlog.HashReader, error) {
	text, err := os.ReadFile(filepath.Join(directory, "checkpoint"))
	if err != nil {
		return tlog.Tree{}, nil, err
	}
	tree, err := checkpoint(text, verifier)
	if err != nil {
		return tlog.Tree{}, nil, err
	}
	hashes := tlog.TileHashReader(tree, files{directory, tree.N})
	root, err := tlog.TreeHash(tree.N, hashes)
	if err != nil {
		return tlog.Tree{}, nil, err
	}
	if root != tree.Hash {
		return tlog.Tree{}, nil, fmt.Errorf("the tiles' root is %v, and %v is signed", root, tree.Hash)
	}
	return tree, hashes, nil
}

// check proves that each entry is in the tree that the checkpoint signs, or that it was its time to go; of how many that is so.
func check(directory string, tree tlog.Tree, hashes tlog.HashReader) (int64, error) {
	var retired retired
	for first := int64(0); first < tree.N; first += 1 << height {
		entries, err := bundle(directory, first, tree.N)
		if err != nil {
			return 0, err
		}
		for offset, entry := range entries {
			index := first + int64(offset)
			proof, err := tlog.ProveRecord(tree.N, index, hashes)
			if err != nil {
				return 0, err
			}
			hash, gone := tombstone(entry)
			if !gone {
				hash = tlog.RecordHash(entry)
			}
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, hash); err != nil {
				return 0, fmt.Errorf("entry %d: it is not what was signed, or not in its place: %w", index, err)
			}
			if gone {
				retired.isGone(index)
			} else if err := retired.survives(index, entry); err != nil {
				return 0, err
			}
		}
	}
	return retired.prove()
}

// goesOn proves that a log begins with what every checkpoint signs that was kept elsewhere; how many those are.
func goesOn(anchor string, verifier note.Verifier, tree tlog.Tree, hashes tlog.HashReader) (int, error) {
	text, err := os.ReadFile(filepath.Join(anchor, "checkpoints"))
	if err != nil {
		return 0, err
	}
	notes := strings.SplitAfter(string(text), "\n\n")
	count := 0
	// A note is a text, an empty line and signatures; an empty line ends it.
	for i := 0; i+1 < len(notes); i += 2 {
		before, err := checkpoint([]byte(notes[i]+strings.TrimSuffix(notes[i+1], "\n")), verifier)
		if err != nil {
			return 0, err
		}
		if before.N > tree.N {
			return 0, fmt.Errorf("%d entries were anchored, and the log has %d: its end was cut off", before.N, tree.N)
		}
		root, err := tlog.TreeHash(before.N, hashes)
		if err != nil {
			return 0, err
		}
		if root != before.Hash {
			return 0, fmt.Errorf("the first %d entries are not what was anchored", before.N)
		}
		count++
	}
	return count, nil
}

func checkpoint(text []byte, verifier note.Verifier) (tlog.Tree, error) {
	var tree tlog.Tree
	signed, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 3 || lines[0] != verifier.Name() {
		return tree, fmt.Errorf("not a checkpoint of %s", verifier.Name())
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

// files reads tiles where the C2SP tlog-tiles specification puts them; Go's own paths have the height in them too.
type files struct {
	directory string
	size      int64
}

func (files) Height() int { return height }

func (files) SaveTiles([]tlog.Tile, [][]byte) {}

func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, len(tiles))
	for i, tile := range tiles {
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
		bytes, err := os.ReadFile(filepath.Join(f.directory, path))
		if err != nil {
			return nil, err
		}
		all[i] = bytes
	}
	return all, nil
}

// bundle reads the entries from first on, at most a full bundle of them.
func bundle(directory string, first, size int64) ([][]byte, error) {
	tile := tlog.Tile{H: height, L: 0, N: first >> height, W: int(min(1<<height, size-first))}
	path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/0/", height), "tile/entries/", 1)
	bytes, err := os.ReadFile(filepath.Join(directory, path))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(bytes) >= 2 {
		length := int(binary.BigEndian.Uint16(bytes))
		if len(bytes) < 2+length {
			return nil, fmt.Errorf("%s is cut", path)
		}
		entries = append(entries, bytes[2:2+length])
		bytes = bytes[2+length:]
	}
	if len(entries) != tile.W {
		return nil, fmt.Errorf("%s: %d entries, not %d", path, len(entries), tile.W)
	}
	return entries, nil
}
