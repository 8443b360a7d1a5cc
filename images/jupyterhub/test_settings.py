"""What an account's configuration may and may not say. Run by src/images/build.integration.test.ts."""

import unittest

from cloudmgr_hub.settings import node_selector, own_folders, packages, spawner_settings, storage, why_not


class Settings(unittest.TestCase):
    def test_names_of_zero_to_jupyterhub_are_understood(self):
        for config in ({"memory.limit": "2G"}, {"memory": {"limit": "2G"}}, {"mem_limit": "2G"}):
            self.assertEqual(spawner_settings(config), ({"mem_limit": "2G"}, []))

    def test_what_would_leave_the_account_is_refused(self):
        for name in ("serviceAccountName", "uid", "privileged", "namespace", "extra_containers", "volumes", "cmd"):
            self.assertEqual(spawner_settings({name: "x"}), ({}, [name]))

    def test_environment_is_merged_and_cannot_change_identity(self):
        config = {"ENVS": {"A": 1, "OMEGA_USERID": "bob", "JUPYTERHUB_USER": "bob"}, "extraEnv": {"B": "{x}"}}
        self.assertEqual(spawner_settings(config), ({"environment": {"A": "1", "B": "{{x}}"}}, []))

    def test_profiles_are_held_to_the_same_settings(self):
        item = {"display_name": "big", "kubespawner_override": {"cpu_limit": 2, "namespace": "x"}, "profile_options": {}}
        applied, _ = spawner_settings({"profile_list": [item]})
        self.assertEqual(applied["profile_list"], [{"display_name": "big", "kubespawner_override": {"cpu_limit": 2}}])

    def test_a_server_with_gpus_may_run_where_nothing_else_may(self):
        toleration = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
        limits = {"nvidia.com/gpu": 1}
        own = {"key": "own", "operator": "Exists"}
        applied, _ = spawner_settings({"extra_resource_limits": limits, "extraTolerations": [own]})
        self.assertEqual(applied, {"extra_resource_limits": limits, "tolerations": [own, toleration]})
        for config in ({}, {"extra_resource_limits": {"nvidia.com/gpu": 0}}, {"extra_resource_limits": None}):
            self.assertNotIn("tolerations", spawner_settings(config)[0])

    def test_folders_of_the_machine_are_not_mounted(self):
        volumes = [
            {"name": "host", "hostPath": {"path": "/"}},
            {"name": "claim", "persistentVolumeClaim": {"claimName": "data"}},
        ]
        mounts = [{"name": "host", "mountPath": "/host"}, {"name": "claim", "mountPath": "/data"}]
        self.assertEqual(storage({"volumes": volumes, "volumeMounts": mounts}), ([volumes[1]], [mounts[1]], ["host"]))

    def test_what_a_server_writes_goes_with_it_unless_the_account_has_a_volume_there(self):
        volumes, mounts = own_folders([])
        self.assertEqual([item["name"] for item in volumes], ["home", "tmp", "packages"])
        self.assertEqual([item["mountPath"] for item in mounts], ["/home/jovyan", "/tmp", "/app/pylib/user"])
        self.assertEqual([item["name"] for item in own_folders([{"name": "x", "mountPath": "/app/pylib/user/"}])[0]], ["home", "tmp"])

    def test_packages_lie_on_the_home_s_volume(self):
        volumes, mounts = own_folders([{"name": "home", "mountPath": "/home/jovyan"}])
        self.assertEqual([item["name"] for item in volumes], ["tmp"])
        packages = {"name": "home", "mountPath": "/app/pylib/user", "subPath": ".packages"}
        self.assertEqual(mounts, [packages, {"name": "tmp", "mountPath": "/tmp"}])

    def test_a_suspended_account_is_told_why_no_server_starts(self):
        self.assertIsNone(why_not({}, "alice"))
        self.assertIn("alice are suspended", why_not({"JUPYTER_SUSPENDED": True}, "alice"))

    def test_packages_are_requirements_and_never_options(self):
        config = {"packages": ["lightgbm==4.6.0", "dask[array]>=2026.1", "lightgbm==4.6.0", "--index-url=x", "a b", 1]}
        self.assertEqual(packages(config), ["lightgbm==4.6.0", "dask[array]>=2026.1"])
        self.assertEqual(spawner_settings(config), ({}, []))

    def test_a_selector_is_one_label(self):
        self.assertEqual(node_selector("omegaml.io/role=worker"), {"omegaml.io/role": "worker"})
        self.assertEqual(node_selector(""), {})


if __name__ == "__main__":
    unittest.main()
