"""examples/run in a tree of its own, where `cmake` and `ninja` only pretend. Standard library only."""
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

TREE = sys.argv[1]
PROGRAM = """#!/bin/sh
printf '%s\\n' "$$" "$(pwd)" "$@"
"""
NINJA = """#!/bin/sh
[ ! -e broken ] || { echo 'broken.c:1: error: no'; exit 1; }
mkdir -p build/examples && cp program build/examples/echo
"""


class RunTest(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.tree = os.path.join(os.path.realpath(self.dir.name), "a tree")
        for name in ("examples/run", "cmake/bootstrap.sh"):
            target = os.path.join(self.tree, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(os.path.join(TREE, name), target)
        for name, text in (("examples/packages.txt", "# nothing\n"), ("examples/echo.c", ""), ("program", PROGRAM),
                           ("bin/cmake", "#!/bin/sh\n"), ("bin/ninja", NINJA)):
            path = os.path.join(self.tree, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as f:
                f.write(text)
            os.chmod(path, stat.S_IRWXU)
        self.elsewhere = os.path.join(self.tree, "else where")
        os.mkdir(self.elsewhere)

    def tearDown(self):
        self.dir.cleanup()

    def run_it(self, *arguments):
        path = os.path.join(self.tree, "bin") + ":" + os.environ["PATH"]
        process = subprocess.Popen([os.path.join(self.tree, "examples/run"), *arguments], cwd=self.elsewhere,
                                   env={**os.environ, "PATH": path}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        out, err = process.communicate(timeout=60)
        return process, out.splitlines(), err

    def test_the_program_takes_its_place(self):
        """Its process id, the caller's folder, all arguments as they were."""
        for _ in range(2):
            process, out, err = self.run_it("--data", "some where", "--account", "a:b  *", "")
            self.assertEqual(process.returncode, 0, err)
            self.assertEqual(out, [str(process.pid), self.elsewhere, "--data", "some where", "--account", "a:b  *", ""])
        self.assertEqual(err, "", "a second run has nothing to say")

    def test_no_such_example(self):
        process, out, err = self.run_it("ecco")
        self.assertEqual((process.returncode, out), (1, []))
        self.assertIn("no example is called ecco; there are: echo", err)

    def test_a_build_that_fails(self):
        open(os.path.join(self.tree, "broken"), "w").close()
        process, out, err = self.run_it()
        self.assertEqual((process.returncode, out), (1, []))
        self.assertIn("broken.c:1: error: no", err)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
