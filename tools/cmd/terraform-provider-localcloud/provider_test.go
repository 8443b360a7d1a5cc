package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	aVolume  = `{"name":"mongodb","size_gb":20}`
	aCluster = `{"name":"omega","kubernetes_version":"1.37.2","domain":"omega.localhost","volumes":["mongodb"],"ports":[{"host":8443,"node":30443},{"host":8443,"node":30443,"address":"192.0.2.7"}]}`
	aMachine = `{"cluster":"omega","name":"node-1","cores":4,"memory_gb":8,"role":"worker"}`

	volumeURL  = "/v1/volumes/mongodb"
	clusterURL = "/v1/clusters/omega"
	machineURL = "/v1/clusters/omega/machines/node-1"
)

var ordered = []struct{ kind, config, url string }{
	{"localcloud_volume", aVolume, volumeURL},
	{"localcloud_cluster", aCluster, clusterURL},
	{"localcloud_machine", aMachine, machineURL},
}

func TestEveryKindIsMadeOnceAndRemovedWithoutTrace(t *testing.T) {
	for _, thing := range ordered {
		t.Run(thing.kind, func(t *testing.T) {
			fake := startFake(t)
			tf := startTerraform(t, fake.URL)
			made := tf.apply(thing.kind, nil, thing.config)
			expect(t, made.errors, "")
			again := tf.apply(thing.kind, tf.read(thing.kind, made.state), thing.config)
			expect(t, again.changed, false)
			expect(t, fake.count("PUT "+thing.url), 1)
			expect(t, tf.destroy(thing.kind, made.state).errors, "")
			expect(t, len(fake.things), 0)
			expect(t, tf.destroy(thing.kind, made.state).errors, "") // gone already: nothing to complain about
		})
	}
}

func TestWhatWasRemovedByHandIsMissingAndMadeAgain(t *testing.T) {
	for _, thing := range ordered {
		t.Run(thing.kind, func(t *testing.T) {
			fake := startFake(t)
			tf := startTerraform(t, fake.URL)
			made := tf.apply(thing.kind, nil, thing.config)
			fake.remove(thing.url)
			if tf.read(thing.kind, made.state) != nil {
				t.Fatal("a lost thing is still in the state")
			}
			expect(t, tf.apply(thing.kind, nil, thing.config).errors, "")
			expect(t, fake.count("PUT "+thing.url), 2)
		})
	}
}

func TestEveryKindIsImported(t *testing.T) {
	ids := map[string]string{"localcloud_volume": "mongodb", "localcloud_cluster": "omega", "localcloud_machine": "omega/node-1"}
	for _, thing := range ordered {
		t.Run(thing.kind, func(t *testing.T) {
			fake := startFake(t)
			tf := startTerraform(t, fake.URL)
			tf.apply(thing.kind, nil, thing.config)
			state, said := tf.importBy(thing.kind, ids[thing.kind])
			expect(t, said, "")
			expect(t, tf.apply(thing.kind, state, thing.config).changed, false)
		})
	}
}

func TestAMachineIsImportedByClusterAndName(t *testing.T) {
	tf := startTerraform(t, startFake(t).URL)
	for _, id := range []string{"node-1", "omega/", "/node-1", "a/b/c"} {
		if _, said := tf.importBy("localcloud_machine", id); !strings.Contains(said, "cluster/name") {
			t.Errorf("import by %q: %q", id, said)
		}
	}
}

func TestAClusterTellsHowItIsReached(t *testing.T) {
	fake := startFake(t)
	tf := startTerraform(t, fake.URL)
	state := tf.apply("localcloud_cluster", nil, aCluster).state
	wanted := map[string]string{
		"kubeconfig": "KUBECONFIG", "api_server": "https://10.0.0.1:6443", "registry_push": "127.0.0.1:5000",
		"registry_pull": "10.0.0.1:5000", "dns": "10.0.0.1", "gateway_url": "https://10.0.0.1:7443",
		"gateway_ca": "GATEWAY-CA", "ca": "CA", "state": "ready",
	}
	for attribute, value := range wanted {
		expect(t, tf.text("localcloud_cluster", state, attribute), value)
	}
}

func TestChangesAreMadeInPlace(t *testing.T) {
	changes := []struct{ kind, before, after, url string }{
		{"localcloud_volume", aVolume, strings.Replace(aVolume, "20", "40", 1), volumeURL},
		{"localcloud_cluster", aCluster, strings.Replace(aCluster, "8443", "9443", 1), clusterURL},
		{"localcloud_machine", aMachine, strings.Replace(aMachine, `"memory_gb":8`, `"memory_gb":16,"taints":[{"key":"gpu","effect":"NoSchedule"}]`, 1), machineURL},
	}
	for _, change := range changes {
		t.Run(change.kind, func(t *testing.T) {
			fake := startFake(t)
			tf := startTerraform(t, fake.URL)
			made := tf.apply(change.kind, nil, change.before)
			changed := tf.apply(change.kind, made.state, change.after)
			expect(t, changed.errors, "")
			expect(t, changed.replaced, false)
			expect(t, fake.count("DELETE "+change.url), 0)
			expect(t, tf.apply(change.kind, changed.state, change.after).changed, false)
		})
	}
}

func withGPU(count int) string {
	return strings.Replace(aMachine, `"role"`, fmt.Sprintf(`"simulated":true,"gpu":%d,"role"`, count), 1)
}

func TestWhatCanNotChangeIsReplaced(t *testing.T) {
	changes := []struct{ kind, before, after, why string }{
		{"localcloud_volume", aVolume, strings.Replace(aVolume, "mongodb", "mysql", 1), "another name is another volume"},
		{"localcloud_machine", aMachine, strings.Replace(aMachine, "node-1", "node-2", 1), "another name is another node"},
		{"localcloud_machine", aMachine, strings.Replace(aMachine, `"role"`, `"simulated":true,"role"`, 1), "a real node can't become a simulated one"},
		{"localcloud_machine", withGPU(1), withGPU(2), "a node keeps its GPUs"},
	}
	for _, change := range changes {
		t.Run(change.why, func(t *testing.T) {
			tf := startTerraform(t, startFake(t).URL)
			made := tf.apply(change.kind, nil, change.before)
			expect(t, tf.apply(change.kind, made.state, change.after).replaced, true)
		})
	}
}

func TestAMachineIsMadeAnewWhenTheCloudCanNotChangeIt(t *testing.T) {
	fake := startFake(t)
	tf := startTerraform(t, fake.URL)
	made := tf.apply("localcloud_machine", nil, aMachine)
	fake.refuse["PUT "+machineURL] = refusal{409, "replace-needed", "cores can't be changed while pods run"}
	changed := tf.apply("localcloud_machine", made.state, strings.Replace(aMachine, `"cores":4`, `"cores":2`, 1))
	expect(t, changed.errors, "")
	expect(t, fake.count("DELETE "+machineURL), 1)
	contains(t, changed.warnings, "cores can't be changed")
}

func TestAClusterIsNeverRemovedUnplanned(t *testing.T) {
	fake := startFake(t)
	tf := startTerraform(t, fake.URL)
	made := tf.apply("localcloud_cluster", nil, aCluster)
	fake.refuse["PUT "+clusterURL] = refusal{409, "replace-needed", "domain can't be changed"}
	changed := tf.apply("localcloud_cluster", made.state, strings.Replace(aCluster, "omega.localhost", "other.localhost", 1))
	contains(t, changed.errors, "domain can't be changed")
	contains(t, changed.errors, "-replace")
	expect(t, fake.count("DELETE "+clusterURL), 0)
}

func TestAFailureNamesItsCauseAndStaysInTheState(t *testing.T) {
	for _, thing := range ordered[1:] {
		t.Run(thing.kind, func(t *testing.T) {
			fake := startFake(t)
			tf := startTerraform(t, fake.URL)
			fake.failing[thing.url] = "no memory left: 8 GB wanted, 2 GB there"
			made := tf.apply(thing.kind, nil, thing.config)
			contains(t, made.errors, "no memory left")
			if made.state == nil {
				t.Fatal("a failed thing that exists was forgotten")
			}
		})
	}
}

func TestAnErrorOfTheAPIIsTold(t *testing.T) {
	for _, thing := range ordered {
		t.Run(thing.kind, func(t *testing.T) {
			fake := startFake(t)
			tf := startTerraform(t, fake.URL)
			fake.refuse["PUT "+thing.url] = refusal{409, "port-taken", "port 8080 is used by another site"}
			made := tf.apply(thing.kind, nil, thing.config)
			contains(t, made.errors, "port 8080 is used by another site")
			expect(t, made.state == nil, true)
		})
	}
}

func TestAMachineThatFailedLaterIsReplaced(t *testing.T) {
	for _, state := range []string{"failed", "removing"} {
		t.Run(state, func(t *testing.T) {
			fake := startFake(t)
			tf := startTerraform(t, fake.URL)
			made := tf.apply("localcloud_machine", nil, aMachine)
			fake.set(machineURL, "state", state)
			mended := tf.apply("localcloud_machine", tf.read("localcloud_machine", made.state), aMachine)
			expect(t, mended.replaced, true)
			expect(t, mended.errors, "")
			expect(t, tf.text("localcloud_machine", mended.state, "state"), "ready")
		})
	}
}

func TestAClusterThatFailedLaterIsMendedInPlace(t *testing.T) {
	fake := startFake(t)
	tf := startTerraform(t, fake.URL)
	made := tf.apply("localcloud_cluster", nil, aCluster)
	fake.set(clusterURL, "state", "failed")
	mended := tf.apply("localcloud_cluster", tf.read("localcloud_cluster", made.state), aCluster)
	expect(t, mended.changed, true)
	expect(t, mended.replaced, false)
	expect(t, tf.text("localcloud_cluster", mended.state, "state"), "ready")
}

func TestWaitingEnds(t *testing.T) {
	fake := startFake(t)
	client, err := newClient(fake.URL, "", "")
	must(t, err)
	client.timeout, client.poll = 20*time.Millisecond, time.Millisecond
	err = client.waitReady(t.Context(), "machine slow", func() (progress, error) {
		return progress{State: "creating", Reason: "image is being pulled"}, nil
	})
	contains(t, err.Error(), "machine slow is still creating")
	contains(t, err.Error(), "image is being pulled")
}

func TestAnEndpointIsCheckedBeforeItIsUsed(t *testing.T) {
	cases := []struct{ endpoint, said, why string }{
		{"unix:///run/api.sock", "", "a socket by its absolute path"},
		{"https://10.0.0.1:7443", "", "the gateway"},
		{"http://127.0.0.1:7443", "", "loopback may do without TLS"},
		{"http://10.0.0.1:7443", "loopback", "a token must not travel in the clear"},
		{"unix://api.sock", "absolute path", "a relative path depends on where one stands"},
		{"/run/api.sock", "unix:///path/api.sock", "no scheme"},
	}
	for _, one := range cases {
		t.Run(one.why, func(t *testing.T) {
			_, err := newClient(one.endpoint, "", "")
			if one.said == "" {
				must(t, err)
				return
			}
			if err == nil {
				t.Fatal("it was taken")
			}
			contains(t, err.Error(), one.said)
		})
	}
}

func expect[T comparable](t *testing.T, got, wanted T) {
	t.Helper()
	if got != wanted {
		t.Errorf("got %v, wanted %v", got, wanted)
	}
}

func contains(t *testing.T, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%q does not say %q", text, part)
	}
}
