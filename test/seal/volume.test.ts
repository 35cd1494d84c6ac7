import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { keyTravelsWith, volumeOf, writesShow } from '../../src/seal/index.ts';

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
      assert.deepEqual(volumeOf(path, mounts), { mountPoint, source, type });
    });
  }

  test('is unknown where the system says nothing, or nonsense', () => {
    assert.equal(volumeOf('/a', undefined), undefined);
    assert.equal(volumeOf('/a', 'nonsense\n\n - \n'), undefined);
  });

  test('says when a write through a mapping shows', () => {
    const shown = (type: string) => writesShow({ mountPoint: '/', source: 's', type });
    assert.deepEqual([shown('ext4'), shown('nfs4'), shown('tmpfs')], ['at-once', 'flushed', 'never']);
    assert.equal(writesShow(undefined), 'flushed');
  });
});

suite('the key of a seal travels with the store', () => {
  const at = (path: string) => volumeOf(path, mounts);
  test('when both lie on a volume of their own', () => {
    assert.equal(keyTravelsWith(at('/mnt/my disk/models'), at('/mnt/my disk/state'), '/root'), true);
  });
  test('and not on the root, in the home of a laptop, or on two volumes', () => {
    assert.equal(keyTravelsWith(at('/srv/models'), at('/var/lib'), '/root'), false);
    assert.equal(keyTravelsWith(at('/home/me/.ollama'), at('/home/me/.local'), '/home/me'), false);
    assert.equal(keyTravelsWith(at('/mnt/my disk/models'), at('/var/lib'), '/root'), false);
    assert.equal(keyTravelsWith(undefined, undefined, undefined), false);
  });
});
