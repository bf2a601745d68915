# SPDX-License-Identifier: MIT
# shellcheck shell=bash
did "vim" vim -es -c "normal Govim was here" -c wq README
did "vim saved" grep -q "vim was here" README
did "vim with a swap file, backup and undo" sh -c 'vim -es -c "set backup writebackup undofile undodir=$TMPDIR swapfile directory=." -c "normal Gox" -c wq README && rm -f README~'
