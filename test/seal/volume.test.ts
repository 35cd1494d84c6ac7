import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { keyTravelsWith, machineVolumes, volumeOf, writesShow } from '../../src/seal/index.ts';

const mounts = [
  '22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw',
  '30 22 0:25 / /dev/shm rw - tmpfs tmpfs rw',
  '31 22 8:17 / /mnt/my\\040disk rw,relatime - xfs /dev/sdb1 rw',
  '32 22 8:33 / /mnt/my\\040disk rw,relatime - btrfs /dev/sdc1 rw',
  '33 22 0:40 / /home rw - nfs4 server:/home rw',
].join('\n');

suite('the volume of a path', () => {
  const cases = [
    ['/srv/models', '/', '/dev/vda', 'ext4'],
    ['/dev/shm', '/dev/shm', 'tmpfs', 'tmpfs'],
    ['/dev/shmoo', '/', '/dev/vda', 'ext4'],
    // Of two mounts on one point the last one is seen.
    ['/mnt/my disk/models', '/mnt/my disk', '/dev/sdc1', 'btrfs'],
    ['/home/me/.ollama', '/home', 'server:/home', 'nfs4'],
  ] as const;
  for (const [path, mountPoint, source, type] of cases) {
    test(`${path} lies on ${mountPoint}`, () => {
      const found = volumeOf(path, mounts);
      assert.deepEqual(
        [found?.mountPoint, found?.source, found?.type, found?.upperDir],
        [mountPoint, source, type, undefined],
      );
    });
  }

  test('has the number of its file system, and the directory of it that is mounted', () => {
    const line = '40 22 8:49 /pvc\\0401/models /models ro - ext4 /dev/sdd rw';
    const { device, root } = volumeOf('/models/blobs', line) ?? {};
    assert.deepEqual([device, root], ['8:49', '/pvc 1/models']);
  });

  test('is unknown where the system says nothing, or nonsense', () => {
    assert.equal(volumeOf('/a', undefined), undefined);
    assert.equal(volumeOf('/a', 'nonsense\n\n - \n'), undefined);
  });

  test('says when a write through a mapping shows', () => {
    const shown = (type: string) => writesShow(volumeOf('/', `1 0 1:1 / / rw - ${type} s rw`), undefined);
    assert.deepEqual([shown('ext4'), shown('nfs4'), shown('tmpfs')], ['at-once', 'flushed', 'never']);
    assert.equal(writesShow(undefined, undefined), 'flushed');
  });

  suite('that is an overlay', () => {
    const overlay = (options: string) =>
      volumeOf('/models', `50 22 0:50 / /models rw - overlay overlay ${options}`);
    const upper = (type: string) => volumeOf('/', `1 0 1:1 / / rw - ${type} s rw`);

    test('names its upper directory', () => {
      assert.equal(overlay('rw,lowerdir=/l,upperdir=/var/u\\040p,workdir=/w')?.upperDir, '/var/u p');
      assert.equal(overlay('ro,lowerdir=/upperdir=/l')?.upperDir, undefined);
      assert.equal(volumeOf('/', '1 0 1:1 / / rw - ext4 s rw,upperdir=/u')?.upperDir, undefined);
    });

    test('shows a write when its upper directory does, and never where that is in memory or cannot be seen', () => {
      const shown = (over: string) => writesShow(overlay('rw,upperdir=/u'), upper(over));
      assert.deepEqual([shown('ext4'), shown('nfs4'), shown('tmpfs')], ['at-once', 'flushed', 'never']);
      assert.equal(shown('overlay'), 'never');
      assert.equal(writesShow(overlay('rw,upperdir=/u'), undefined), 'never');
    });
  });
});

suite('the key of a seal travels with the store', () => {
  const travels = (store: string, key: string, home: string | undefined, text = mounts) =>
    keyTravelsWith(volumeOf(store, text), volumeOf(key, text), machineVolumes(home, text));
  test('when both lie on a volume of their own', () => {
    assert.equal(travels('/mnt/my disk/models', '/mnt/my disk/state', '/root'), true);
  });
  test('and not on the root, in the home of a laptop, or on two volumes', () => {
    assert.equal(travels('/srv/models', '/var/lib', '/root'), false);
    assert.equal(travels('/home/me/.ollama', '/home/me/.local', '/home/me'), false);
    assert.equal(travels('/mnt/my disk/models', '/var/lib', '/root'), false);
    assert.equal(keyTravelsWith(undefined, undefined, machineVolumes(undefined, undefined)), false);
  });

  suite('in a container', () => {
    /** A container whose own files lie on the machine's disk 259:1, with two mounts. */
    const container = (store: string, key: string) =>
      [
        '22 1 0:60 / / rw - overlay overlay rw,upperdir=/var/lib/docker/overlay2/x/diff',
        '23 22 259:1 /var/lib/docker/containers/x/hosts /etc/hosts rw - ext4 /dev/nvme0n1p1 rw',
        `24 22 ${store.replace(' ', ' /')} /models ro - ext4 /dev/a rw`,
        `25 22 ${key.replace(' ', ' /')} /state rw - ext4 /dev/a rw`,
      ].join('\n');
    const cases = [
      ['one claim, two directories of it (subPath)', '8:16 models', '8:16 state', true],
      ['one claim, mounted twice', '8:16 ', '8:16 ', true],
      ['the state below the models of one claim', '8:16 ', '8:16 state', true],
      ['two claims', '8:16 ', '8:32 ', false],
      ['two volumes on the disk of the machine', '259:1 volumes/models', '259:1 volumes/state', false],
      ['one volume on the disk of the machine', '259:1 volumes/one', '259:1 volumes/one/state', true],
    ] as const;
    for (const [name, store, key, expected] of cases) {
      test(`${name}: ${expected}`, () => {
        assert.equal(travels('/models/blobs', '/state', '/root', container(store, key)), expected);
      });
    }
  });
});
